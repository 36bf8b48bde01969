#include "launcher/trainer/rank_training.h"

namespace trireme::launcher {
namespace {

parallel::PlayerStage stage_of(KnownTask& task, const parallel::Mesh& mesh, bool staged) {
  if (!staged) return {};
  return {
      .axis = &mesh.axis("pipeline"), .shared = task.shared_parameter(), .counts_shared = task.owns_shared_parameter()};
}

}  // namespace

RankTraining::RankTraining(const job::Job& job, Backend& backend, Group& world, const parallel::Layout& layout)
    : mesh_(world, layout),
      plan_(parallel::plan_batch(job.batch().global(), job.batch().micro(), data().size())),
      pipeline_(pipeline_of(job, plan_.micros)),
      task_(make_task(job, pipeline_, mesh_.axis("pipeline").index())),
      engine_(pipeline_
                  ? std::make_unique<parallel::PipelineEngine>(*pipeline_, mesh_.axis("pipeline"), *task_,
                                                               *backend.device, *backend.kernels, compute_dtype(job))
                  : nullptr),
      player_(task_->network(), backend, data(), player_options(job), stage_of(*task_, mesh_, pipeline_.has_value())),
      context_{.backend = backend,
               .data = data(),
               .task = *task_,
               .player = player_,
               .plan = plan_,
               .seed = job.seed(),
               .pipeline = engine_.get()} {}

bool RankTraining::reads_data() const {
  if (!pipeline_) return true;
  for (int chunk = 0; chunk < pipeline_->shape.chunks; ++chunk)
    if (task_->begins(chunk) || task_->ends(chunk)) return true;
  return false;
}

parallel::State RankTraining::state() {
  player_.fetch_state();
  return {.parameters = player_.parameters,
          .optimizer = player_.optimizer,
          .loss_scale = player_.loss_scale,
          .holding = {.copy = data().index(),
                      .copies = data().size(),
                      .whole = whole(),
                      .saved_elsewhere = task_->owns_shared_parameter() ? nullptr : task_->shared_parameter()}};
}

}  // namespace trireme::launcher
