#include "launcher/trainer/gan_training.h"

namespace trireme::launcher {
namespace {

parallel::PlayerOptions options_like(const parallel::PlayerOptions& generator, const job::Job& job) {
  parallel::PlayerOptions options = discriminator_options(job);
  options.groups = generator.groups;
  options.tensor = generator.tensor;
  return options;
}

}  // namespace

GanTraining::GanTraining(const Parts& parts)
    : backend_(parts.backend),
      game_(parts.game),
      of_discriminator_(options_like(parts.of_generator, parts.job)),
      discriminator_(game_.discriminator(), backend_, parts.data, of_discriminator_),
      average_(game_.average(), parts.generator, backend_, parts.data, parts.of_generator,
               parts.job.model().gan().average()),
      step_({.backend = backend_,
             .data = parts.data,
             .task = game_,
             .generator = parts.generator,
             .discriminator = discriminator_,
             .plan = parts.plan,
             .seed = parts.job.seed(),
             .rule = game_.rule(),
             .average = &average_}) {}

void GanTraining::add_states(std::vector<parallel::State>& states, const parallel::Holding& holding) {
  discriminator_.fetch_state();
  states.push_back({.parameters = discriminator_.parameters,
                    .optimizer = discriminator_.optimizer,
                    .loss_scale = discriminator_.loss_scale,
                    .holding = holding,
                    .name = "discriminator"});
  states.push_back(average_.state(holding));
}

void GanTraining::weights_changed() {
  discriminator_.weights_changed();
  average_.weights_changed();
}

Tensor GanTraining::draw(const DrawingOptions& options) {
  average_.weights_changed();
  return game_.draw(backend_, options);
}

}  // namespace trireme::launcher
