// How long ranks of a pipeline wait, beside what the schedules promise.
#pragma once

#include <string>
#include <vector>

#include "parallel/pipeline/timeline.h"

namespace trireme::launcher {

struct BenchPipelineOptions {
  int stages = 4;
  int micros = 8;
  double pass_ms = 20.0;  // of a forward pass through a rank's layers; a backward pass lasts twice as long
  int repeats = 3;        // the best counts: other work on the machine makes ranks wait
  bool timeline = false;
  bool json = false;
};

struct PipelineIdle {
  std::string schedule;
  double formula = 0.0;   // the idle part of all ranks' time, transfers not counted
  double measured = 0.0;  // the same, of ranks that are threads and compute by sleeping
  parallel::Timeline timeline{};
};
// Of every schedule, with balanced stages. Sleeping needs no core, so the ranks need none of their own.
std::vector<PipelineIdle> measure_idle(const BenchPipelineOptions& options);

}  // namespace trireme::launcher
