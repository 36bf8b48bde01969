#include "launcher/trainer/gan_job.h"

namespace trireme::launcher {
namespace {

parallel::AdversarialLoss loss_of(job::Gan::Loss loss) {
  switch (loss) {
    case job::Gan::minimax: return parallel::AdversarialLoss::minimax;
    case job::Gan::hinge: return parallel::AdversarialLoss::hinge;
    case job::Gan::wasserstein: return parallel::AdversarialLoss::wasserstein;
  }
  fail("job", "unknown loss");
}

// The job of a network that has some of it for itself.
job::Job with(const job::Job& job, const job::GanNetwork& own) {
  job::Job mine = job;
  if (own.has_optimizer()) *mine.mutable_optimizer() = own.optimizer();
  if (own.has_schedule()) *mine.mutable_schedule() = own.schedule();
  if (own.has_clip()) *mine.mutable_clip() = own.clip();
  if (own.has_loss_scale()) *mine.mutable_precision()->mutable_loss_scale() = own.loss_scale();
  return mine;
}

}  // namespace

std::unique_ptr<ImageGame> make_game(const job::Job& job) {
  const job::Gan& from = job.model().gan();
  return std::make_unique<ImageGame>(models::DcganConfig{.size = from.size(),
                                                         .channels = from.channels(),
                                                         .noise = from.noise(),
                                                         .width = from.width(),
                                                         .classes = from.classes(),
                                                         .batch_norm = from.batch_norm(),
                                                         .spectral_norm = from.spectral_norm()},
                                     parallel::AdversarialRule{.loss = loss_of(from.loss()),
                                                               .gradient_penalty = from.gradient_penalty(),
                                                               .discriminator_steps = from.discriminator_steps()},
                                     compute_dtype(job));
}

parallel::PlayerOptions generator_options(const job::Job& job) {
  return player_options(with(job, job.model().gan().generator()));
}

parallel::PlayerOptions discriminator_options(const job::Job& job) {
  parallel::PlayerOptions options = player_options(with(job, job.model().gan().discriminator()));
  options.optimizer.clip_weight = job.model().gan().weight_clip();
  return options;
}

}  // namespace trireme::launcher
