// One rank's part of a run: everything a job asks for, built in order and taken down in reverse.
#pragma once

#include <memory>
#include <string>

#include "launcher/config/config.h"
#include "launcher/trainer/from_job.h"
#include "parallel/snapshot/snapshot.h"
#include "parallel/training/step.h"
#include "runtime/data/prefetch.h"

namespace trireme::launcher {

class TrainingRun {
 public:
  // Device, mesh, network and optimizer; reads no data. Collective over `world`.
  TrainingRun(const job::Job& job, Group& world, int ranks_on_host);
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  // Opens the job's data, on every rank or none.
  void open_data();
  // The training data from `step` on.
  void start_data(std::int64_t step);

  // Enqueues a step; at most two results may be alive.
  parallel::StepResult train(std::int64_t step, bool stop);
  bool has_validation() const noexcept { return validation_ != nullptr; }
  // Mean loss over `batches` batches of the training size, or as many as the validation set has; 0 for the whole set.
  double validate(std::int64_t batches);

  // Saves the state after `steps` steps in the run's folder and removes the oldest checkpoints. Collective.
  void save(std::int64_t steps);
  // Loads a checkpoint; returns its step.
  std::int64_t load(const std::string& checkpoint);

  const job::Job& job() const noexcept { return job_; }
  Backend& backend() noexcept { return backend_; }
  KnownTask& task() noexcept { return *task_; }
  parallel::Player& player() noexcept { return player_; }
  const parallel::BatchPlan& plan() const noexcept { return plan_; }
  // All ranks, on the compute stream.
  Group& ranks() const noexcept { return mesh_.axis("data").compute(); }
  bool leads() const noexcept { return ranks().rank() == 0; }

 private:
  const job::Job& job_;
  Backend backend_;
  parallel::Mesh mesh_;
  std::unique_ptr<KnownTask> task_;
  parallel::BatchPlan plan_;
  parallel::Player player_;
  parallel::StepContext context_;
  parallel::TrainStep step_;
  Sources sources_;
  std::shared_ptr<const data::Loader> training_;
  std::shared_ptr<const data::Loader> validation_;
  std::unique_ptr<data::Prefetcher> prefetcher_;
};

}  // namespace trireme::launcher
