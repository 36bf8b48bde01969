// What a run left behind, opened for use: the resolved job, the newest checkpoint, the network with its weights.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launcher/config/config.h"
#include "launcher/trainer/from_job.h"
#include "runtime/nn/flat.h"

namespace trireme::launcher {

class FinishedRun {
 public:
  // `path` is a run's folder (its newest checkpoint is used) or one of its checkpoints. `sets` override the run's job.
  FinishedRun(const std::string& path, const std::vector<std::string>& sets, const std::string& device, int threads);

  job::Job job;
  std::string checkpoint;
  std::int64_t step = 0;
  Backend backend;
  std::unique_ptr<KnownTask> task;
  std::unique_ptr<nn::FlatParameters> parameters;
};

}  // namespace trireme::launcher
