// The schedules there are.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "parallel/pipeline/schedule.h"

namespace trireme::parallel {

enum class ScheduleKind : std::uint8_t {
  gpipe,        // all forwards, then all backwards (Huang et al. 2019): simple, holds every micro-batch
  one_f_one_b,  // PipeDream-flush (Narayanan et al. 2021): GPipe's bubble, at most `ranks` micro-batches held
  interleaved,  // several chunks a rank, round after round (Narayanan et al. 2021): the bubble divided by the chunks
  zb_h1,        // weight gradients where a rank would wait (Qi et al. 2024, "Zero Bubble Pipeline Parallelism"):
                // a third of the bubble at 1F1B's memory
  zb_v,         // two chunks in a V as well (Qi et al. 2024, "Pipeline Parallelism with Controllable Memory"):
                // a sixth of the bubble at 1F1B's memory, and both ends of the model on the first rank
};
inline constexpr std::array all_schedules{ScheduleKind::gpipe, ScheduleKind::one_f_one_b, ScheduleKind::interleaved,
                                          ScheduleKind::zb_h1, ScheduleKind::zb_v};
std::string_view name_of(ScheduleKind kind);  // "gpipe", "1f1b", "interleaved", "zb_h1", "zb_v"

// The table with its transfers, for any positive numbers of ranks and micro-batches. Chunks: any number for interleaved
// (one makes it 1F1B), two for zb_v, one for the others. With F, B and W of a chunk as the unit, m micro-batches on p
// ranks with v chunks leave each rank idle for this long, where m >= p:
//   gpipe, 1f1b 3 (p - 1);  interleaved 3 (p - 1);  zb_h1 p - 1;  zb_v p - 1 to p + 3 (where m >= 2 p and p <= 16).
Schedule make_schedule(ScheduleKind kind, PipelineShape shape);

}  // namespace trireme::parallel
