#include "launcher/config/resolve_gan.h"

namespace trireme::launcher {
namespace {

void resolve_network(job::GanNetwork& network, const job::Job& job) {
  if (!network.has_optimizer()) *network.mutable_optimizer() = job.optimizer();
  if (!network.has_schedule()) *network.mutable_schedule() = job.schedule();
  if (!network.has_clip()) *network.mutable_clip() = job.clip();
  if (!network.has_loss_scale()) *network.mutable_loss_scale() = job.precision().loss_scale();
  if (network.optimizer().rule_case() == job::Optimizer::RULE_NOT_SET) network.mutable_optimizer()->mutable_adamw();
  if (network.schedule().kind_case() == job::Schedule::KIND_NOT_SET) network.mutable_schedule()->mutable_constant();
}

}  // namespace

void resolve_gan(job::Job& job) {
  job::Gan& gan = *job.mutable_model()->mutable_gan();
  resolve_network(*gan.mutable_generator(), job);
  resolve_network(*gan.mutable_discriminator(), job);
  if (!gan.has_batch_norm()) gan.set_batch_norm(gan.gradient_penalty() == 0.0f && !gan.spectral_norm());
  if (!job.data().has_images()) return;
  if (!job.data().split().has_validation()) job.mutable_data()->mutable_split()->set_validation(0.0);
  job::Images& images = *job.mutable_data()->mutable_images();
  if (images.standardise() || images.mean_size() > 0 || images.deviation_size() > 0) return;
  images.add_mean(0.5f);
  images.add_deviation(0.5f);
}

}  // namespace trireme::launcher
