// What one rank computes with, as a job describes it: its place in the mesh, its network or piece of it, its optimizer.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "launcher/trainer/from_job.h"
#include "launcher/trainer/gan_training.h"
#include "parallel/pipeline/engine.h"
#include "parallel/snapshot/snapshot.h"
#include "parallel/training/step.h"

namespace trireme::launcher {

class RankTraining {
 public:
  // Reads no data. Collective over `world`.
  RankTraining(const job::Job& job, Backend& backend, Group& world, const parallel::Layout& layout);
  RankTraining(const RankTraining&) = delete;
  RankTraining& operator=(const RankTraining&) = delete;

  const parallel::Mesh& mesh() const noexcept { return mesh_; }
  const parallel::Axis& data() const { return mesh_.axis("data"); }
  const parallel::BatchPlan& plan() const noexcept { return plan_; }
  KnownTask& task() noexcept { return *task_; }
  parallel::Player& player() noexcept { return player_; }
  parallel::StepContext& context() noexcept { return context_; }
  // Whether this rank holds the whole network, and whether it reads batches.
  bool whole() const { return !engine_ && mesh_.axis("tensor").size() == 1; }
  bool reads_data() const;
  // What the person who started the run should know of its precision; may be empty.
  const std::string& note() const noexcept { return note_; }
  // What a snapshot saves and loads, of each network. Fetches the device's state.
  std::vector<parallel::State> state();
  // After it was loaded: the first waits for the device, the second is collective.
  void store_state();
  void weights_changed();
  // The rest of two networks that play against each other, of which player() is the generator's; null: there is one.
  GanTraining* gan() noexcept { return gan_.get(); }
  // Global batches that a step takes.
  std::int64_t batches_per_step() const noexcept { return gan_ ? gan_->batches_per_step() : 1; }
  // Elements of all networks' parameters, or of this rank's stage of one.
  std::int64_t parameter_count() const;

 private:
  parallel::Mesh mesh_;
  parallel::BatchPlan plan_;
  std::optional<parallel::DividedAxis> groups_;  // of the data axis, that divide the state among their ranks
  std::optional<parallel::Schedule> pipeline_;
  std::unique_ptr<KnownTask> task_;
  std::unique_ptr<parallel::PipelineEngine> engine_;
  parallel::PlayerOptions options_;
  parallel::Player player_;
  parallel::StepContext context_;
  std::string note_;
  std::unique_ptr<GanTraining> gan_;
};

}  // namespace trireme::launcher
