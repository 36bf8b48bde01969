// One rank's part of a run: everything a job asks for, built in order and taken down in reverse.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "launcher/config/config.h"
#include "launcher/report/metrics.h"
#include "launcher/trainer/judge.h"
#include "launcher/trainer/rank_training.h"
#include "parallel/snapshot/background.h"
#include "runtime/data/prefetch.h"

namespace trireme::launcher {

class TrainingRun {
 public:
  // Device, mesh, network and optimizer; reads no data. Collective over the view's world.
  TrainingRun(const job::Job& job, const RankView& view);
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  // Opens the job's data, on every rank or none; all ranks must find the same. Throws Stopped where a rank is told to
  // stop meanwhile.
  void open_data();
  // The training data from `step` on.
  void start_data(std::int64_t step);

  // Enqueues a step; at most two results may be alive.
  parallel::StepResult train(std::int64_t step, bool stop);
  bool has_validation() const noexcept { return validation_ != nullptr; }
  // Over `batches` batches of the training size, or as many as the validation set has; 0 for the whole set. Throws
  // Stopped, on every rank, where one is told to stop meanwhile.
  Validation validate(std::int64_t batches);

  // Throws Stopped, on every rank, where one is told to stop. Collective.
  void leave_if_any_is_told();

  // Saves the state after `steps` steps in the folder `best` of the run's folder, in place of what is there.
  // Collective.
  void save_best(std::int64_t steps);
  // Begins to save it in the run's folder, and to remove the oldest checkpoints there; training may go on. Waits for
  // the save before. Collective.
  void save(std::int64_t steps);
  // Whether saving has failed on this rank: time to stop, all ranks together, and finish_saving().
  bool saving_failed() const { return saver_.failed(); }
  // On the first rank: the steps of a checkpoint that was completed since the last call.
  std::optional<std::int64_t> take_saved() { return saver_.take_completed(); }
  // Waits for what is being saved; throws what that failed with. Collective.
  void finish_saving();
  struct Loaded {
    std::string damage;  // why the checkpoint cannot be used, from the first rank that found out; empty: it is loaded
    std::string note;    // what has changed since it was saved
  };
  // Loads a checkpoint, on every rank, verifying every byte. One of another model, or of other data where the job does
  // not allow that, is an error. Collective.
  Loaded load(const std::string& checkpoint);
  // Steps that the state has behind it, and those that the newest checkpoint has, or will have; 0 before the first.
  std::int64_t steps() const noexcept { return steps_; }
  std::int64_t saved() const noexcept { return saved_; }

  // Of the validations so far; saved and loaded with the state.
  Judge& judge() noexcept { return judge_; }

  const job::Job& job() const noexcept { return job_; }
  Backend& backend() noexcept { return backend_; }
  // About the way the ranks are joined; may be empty.
  const std::string& note() const noexcept { return device_.note(); }
  // About the data: what was left out; may be empty.
  const std::string& data_note() const noexcept { return sources_.note; }
  // About its precision; may be empty.
  const std::string& precision_note() const noexcept { return training_.note(); }
  KnownTask& task() noexcept { return training_.task(); }
  parallel::Player& player() noexcept { return training_.player(); }
  // See RankTraining.
  GanTraining* gan() noexcept { return training_.gan(); }
  const parallel::BatchPlan& plan() const noexcept { return training_.plan(); }
  const parallel::Mesh& mesh() const noexcept { return training_.mesh(); }
  // Whether each rank holds the whole network.
  bool whole() const noexcept { return training_.whole(); }
  // All ranks, on the compute stream.
  Group& ranks() const noexcept { return training_.mesh().world(); }
  bool leads() const noexcept { return ranks().rank() == 0; }

 private:
  const job::Job& job_;
  int ranks_on_host_;
  RankDevice device_;
  Backend& backend_;
  RankTraining training_;
  parallel::TrainStep step_;
  Sources sources_;
  std::shared_ptr<const data::Loader> loader_;
  std::shared_ptr<const data::Loader> validation_;
  std::unique_ptr<data::Prefetcher> prefetcher_;
  Judge judge_;
  std::uint64_t fingerprint_ = 0;
  std::int64_t steps_ = 0, saved_ = 0;
  parallel::BackgroundSaver saver_;
};

}  // namespace trireme::launcher
