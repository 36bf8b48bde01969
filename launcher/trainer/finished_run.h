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
  struct Options {
    std::string path;               // a run's folder (its newest checkpoint that is whole is used) or a checkpoint
    std::vector<std::string> sets;  // override the run's job
    std::string device = "auto";
    int threads = 0;
  };
  // Every byte of the parameters is verified. Says on stderr which newer checkpoints were passed over, and why.
  explicit FinishedRun(Options options);

  job::Job job;
  std::string checkpoint;
  std::int64_t step = 0;
  Backend backend;
  std::unique_ptr<KnownTask> task;
  std::unique_ptr<nn::FlatParameters> parameters;

 private:
  void open(const std::string& path, const Options& options);
};

}  // namespace trireme::launcher
