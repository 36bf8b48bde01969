// Times training steps of a model of known sizes on a fixed batch.
#pragma once

#include <string>

#include "collectives/group/group.h"
#include "launcher/trainer/entry.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {

struct StepTiming {
  std::string model;
  std::int64_t parameters = 0;
  std::int64_t batch = 0;  // samples per rank
  std::int64_t units = 0;  // tokens per sample; 0 where a sample is the unit
  int ranks = 1;
  double step_ms_median = 0.0;  // the slowest rank's
  double step_ms_min = 0.0;
  double cpu_ms = 0.0;          // mean processor time of a step in one process
  double gflop_per_step = 0.0;  // of one rank: matrix products, see the models
  double gemm_gflops = 0.0;  // best rate of one large product of the same dtype on one rank, measured after the steps
  double host_ms = 0.0;      // median time for which a step keeps the host
  double exposed_comm_ms =
      0.0;  // mean time for which a step waits for gradients of other ranks, its backward pass done
  double peak_rss_mb = 0.0;
  double peak_tensors_mb = 0.0;  // of the device's allocator
  double first_step_s = 0.0;     // from the start of the process to the end of the first step
  double loss_first = 0.0;
  double loss_last = 0.0;
};

// Collective over `world`; every rank gets the same answer.
StepTiming time_steps(const BenchStepOptions& options, Backend& backend, Group& world);

}  // namespace trireme::launcher
