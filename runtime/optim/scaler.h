// Dynamic loss scale for fp16 (Micikevicius et al. 2018), and the count of skipped steps for every precision. The rule
// by which both change is conclude() in kernels/step_state.h.
#pragma once

#include <cstdint>

namespace trireme::optim {

struct LossScale {
  bool dynamic = false;  // fp16; otherwise the scale stays
  float scale = 1.0f;
  std::int64_t growth_interval = 2000;  // steps without overflow before the scale doubles
  std::int64_t good_steps = 0;
  std::int64_t skipped = 0;
};

}  // namespace trireme::optim
