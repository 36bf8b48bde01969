#include "launcher/trainer/rank_training.h"

#include "launcher/trainer/eight_bits.h"

namespace trireme::launcher {
namespace {

parallel::PlayerStage stage_of(KnownTask& task, const parallel::Mesh& mesh, bool staged) {
  if (!staged) return {};
  return {
      .axis = &mesh.axis("pipeline"), .shared = task.shared_parameter(), .counts_shared = task.owns_shared_parameter()};
}

parallel::PlayerOptions options_of(const job::Job& job, const parallel::Mesh& mesh,
                                   const std::optional<parallel::DividedAxis>& groups) {
  parallel::PlayerOptions options = job.model().has_gan() ? generator_options(job) : player_options(job);
  options.tensor = &mesh.axis("tensor");
  options.groups = groups ? &*groups : nullptr;
  return options;
}

}  // namespace

RankTraining::RankTraining(const job::Job& job, Backend& backend, Group& world, const parallel::Layout& layout)
    : mesh_(world, layout),
      plan_(parallel::plan_batch(job.batch().global(), job.batch().micro(), data().size())),
      groups_(zero_groups(job) > 0 ? std::optional(parallel::divide(data(), zero_groups(job))) : std::nullopt),
      pipeline_(pipeline_of(job, plan_.micros)),
      task_(make_task(job, pipeline_, mesh_)),
      engine_(pipeline_
                  ? std::make_unique<parallel::PipelineEngine>(*pipeline_, mesh_.axis("pipeline"), *task_,
                                                               *backend.device, *backend.kernels, compute_dtype(job))
                  : nullptr),
      options_(options_of(job, mesh_, groups_)),
      player_(task_->network(), backend, data(), options_, stage_of(*task_, mesh_, pipeline_.has_value())),
      context_{.backend = backend,
               .data = data(),
               .task = *task_,
               .player = player_,
               .plan = plan_,
               .seed = job.seed(),
               .pipeline = engine_.get(),
               .tensor = &mesh_.axis("tensor"),
               .capture = job.cuda().graphs() && task_->can_be_replayed()} {
  if (auto* game = dynamic_cast<ImageGame*>(task_.get()))
    gan_ = std::make_unique<GanTraining>(GanTraining::Parts{.job = job,
                                                            .backend = backend,
                                                            .data = data(),
                                                            .plan = plan_,
                                                            .game = *game,
                                                            .generator = player_,
                                                            .of_generator = options_});
  if (job.precision().compute() == job::Precision::fp8)
    note_ = train_in_eight_bits(*task_, *backend.kernels, plan_.micro);
}

bool RankTraining::reads_data() const {
  if (!pipeline_) return true;
  for (int chunk = 0; chunk < pipeline_->shape.chunks; ++chunk)
    if (task_->begins(chunk) || task_->ends(chunk)) return true;
  return false;
}

std::vector<parallel::State> RankTraining::state() {
  player_.fetch_state();
  // Ranks that hold the same parts: without sharding all of the data axis, else one in each group.
  const bool sharded = player_.parameters.sharding().level > 0;
  const parallel::Axis* copies = !sharded ? &data() : groups_ ? &groups_->outer : nullptr;
  const parallel::Axis& tensor = mesh_.axis("tensor");
  const parallel::Holding holding{
      .copy = copies ? copies->index() : 0,
      .copies = copies ? copies->size() : 1,
      .twin = tensor.index(),
      .twins = tensor.size(),
      .whole = !engine_,
      .saved_elsewhere = task_->owns_shared_parameter() ? nullptr : task_->shared_parameter()};
  std::vector<parallel::State> all;
  all.push_back({.parameters = player_.parameters,
                 .optimizer = player_.optimizer,
                 .loss_scale = player_.loss_scale,
                 .holding = holding,
                 .name = gan_ ? "generator" : ""});
  if (gan_) gan_->add_states(all, holding);
  return all;
}

void RankTraining::store_state() {
  player_.store_state();
  if (gan_) gan_->store_state();
}

void RankTraining::weights_changed() {
  player_.weights_changed();
  if (gan_) gan_->weights_changed();
}

std::int64_t RankTraining::parameter_count() const {
  return player_.parameters.parameter_count() + (gan_ ? gan_->discriminator().parameters.parameter_count() : 0);
}

}  // namespace trireme::launcher
