// Timelines of steps as a file that Perfetto (https://ui.perfetto.dev) and chrome://tracing open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/device/timeline.h"

namespace trireme::launcher {

// Steps of a run, counted from one, both included. `last` 0: none.
struct TraceSteps {
  std::int64_t first = 0;
  std::int64_t last = 0;

  bool contains(std::int64_t step) const noexcept { return step >= first && step <= last; }
};
// "steps=10:12" or "steps=10". Throws Error for anything else.
TraceSteps parse_trace_steps(const std::string& text);

// The events of one rank, as JSON objects separated by commas: for trace_file().
std::string trace_events(const std::vector<Span>& spans, int rank, const std::string& host);
// The whole file, of every rank's events ("Trace Event Format", Google 2016).
std::string trace_file(const std::vector<std::string>& events_by_rank);

}  // namespace trireme::launcher
