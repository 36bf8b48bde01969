#include "launcher/config/check_gan.h"

#include <string>

#include "launcher/config/resolve.h"

namespace trireme::launcher {
namespace {

bool can_be_halved(std::int64_t size) {
  std::int64_t base = size;
  while (base % 2 == 0 && base >= 8) base /= 2;
  return base >= 4 && base <= 7 && base < size;
}

template <class Model>
void check_size(const Model& model, const std::string& name, const Origins& origins) {
  if (!can_be_halved(model.size())) {
    std::int64_t below = model.size(), above = model.size();
    while (below > 8 && !can_be_halved(below)) --below;
    while (!can_be_halved(above)) ++above;
    origins.fail(name + ".size", "expected 4, 5, 6 or 7 times a power of two, found " + std::to_string(model.size()) +
                                     "; the nearest: " + std::to_string(below) + " and " + std::to_string(above));
  }
  if (model.channels() == 2) origins.fail(name + ".channels", "expected 1 or 3, found 2");
}

void check_rate(const job::Schedule& schedule, const std::string& path, std::int64_t steps, const Origins& origins) {
  if (schedule.min_lr() > schedule.lr()) origins.fail(path + ".min_lr", "expected at most " + path + ".lr");
  if (schedule.min_lr() > 0.0 && !schedule.has_linear() && !schedule.has_cosine() && !schedule.has_cyclic())
    origins.fail(path + ".min_lr",
                 "needs a schedule that goes down to it: write linear { }, cosine { } or cyclic { } beside it");
  if (schedule.warmup_steps() > steps)
    origins.fail(path + ".warmup_steps", "expected at most steps, which is " + std::to_string(steps) + ", found " +
                                             std::to_string(schedule.warmup_steps()));
  if (schedule.warmup_steps() > 0 && (schedule.has_cyclic() || schedule.has_one_cycle()))
    origins.fail(path + ".warmup_steps", "expected 0: cyclic and one_cycle rise by themselves");
}

void check_images(const job::Images& images, const Origins& origins) {
  const auto half = [](const auto& values) { return values.size() == 1 && values[0] == 0.5f; };
  constexpr const char* range = "expected 0.5, or nothing: the generator draws pictures from -1 to 1";
  if (images.standardise())
    origins.fail("data.images.standardise", "expected false: the generator draws pictures from -1 to 1");
  if (!half(images.mean())) origins.fail("data.images.mean", range);
  if (!half(images.deviation())) origins.fail("data.images.deviation", range);
  if (images.augment().mix_up() > 0.0f)
    origins.fail("data.images.augment.mix_up", "expected 0: a GAN would learn to draw mixtures");
}

void check_data(const job::Job& job, const Origins& origins) {
  const job::Data& data = job.data();
  if (data.has_synthetic())
    origins.fail("data.synthetic", "expected images for model.gan; write images { drawn { } } for drawn ones");
  if (!data.has_images()) return;  // what else there is is no images either, and is told so
  check_images(data.images(), origins);
  constexpr const char* no_loss = "expected nothing: a GAN has no loss to validate by, and learns from all samples";
  if (has_validation_files(data)) origins.fail("data.images", no_loss);
  if (data.split().validation() > 0.0) origins.fail("data.split.validation", no_loss);
  if (data.split().test() > 0.0) origins.fail("data.split.test", no_loss);
  if (data.split().folds() > 0) origins.fail("data.split.folds", no_loss);
  if (data.balance() == job::weights)
    origins.fail("data.balance", "expected as_is or samples: a GAN has no loss of each class");
}

void check_numbers(const job::Job& job, const Origins& origins) {
  const job::Gan& gan = job.model().gan();
  constexpr const char* masters = "expected false: a GAN keeps fp32 master weights, which its moving average follows";
  if (job.optimizer().stochastic_rounding()) origins.fail("optimizer.stochastic_rounding", masters);
  if (gan.generator().optimizer().stochastic_rounding())
    origins.fail("model.gan.generator.optimizer.stochastic_rounding", masters);
  if (gan.discriminator().optimizer().stochastic_rounding())
    origins.fail("model.gan.discriminator.optimizer.stochastic_rounding", masters);
  if (job.precision().compute() == job::Precision::fp8)
    origins.fail("precision.compute", "expected fp32, bf16 or fp16: the layers of a GAN are convolutions; found fp8");
}

}  // namespace

void check_gan(const job::Job& job, const Origins& origins) {
  const job::Gan& gan = job.model().gan();
  check_size(gan, "model.gan", origins);
  if (gan.gradient_penalty() > 0.0f && gan.batch_norm())
    origins.fail(
        "model.gan.batch_norm",
        "expected false with gradient_penalty: batch norm makes what is found of a sample depend on the others, "
        "and the penalty is on each sample's own slope");
  if (job.batch().micro() > 0)
    origins.fail("batch.micro", "expected 0: a GAN computes a rank's whole share of a batch at once");
  check_data(job, origins);
  check_numbers(job, origins);
  check_rate(gan.generator().schedule(), "model.gan.generator.schedule", job.steps(), origins);
  check_rate(gan.discriminator().schedule(), "model.gan.discriminator.schedule", job.steps(), origins);
}

void check_autoencoder(const job::Job& job, const Origins& origins) {
  check_size(job.model().autoencoder(), "model.autoencoder", origins);
  if (job.data().has_synthetic())
    origins.fail("data.synthetic", "expected images for model.autoencoder; write images { drawn { } } for drawn ones");
  if (!job.data().has_images()) return;
  const job::Images& images = job.data().images();
  constexpr const char* range = "expected nothing: an autoencoder takes pixels as probabilities, from 0 to 1";
  if (images.standardise()) origins.fail("data.images.standardise", range);
  if (images.mean_size() > 0) origins.fail("data.images.mean", range);
  if (images.augment().mix_up() > 0.0f) origins.fail("data.images.augment.mix_up", "expected 0: there are no classes");
  if (job.data().balance() == job::weights)
    origins.fail("data.balance", "expected as_is or samples: an autoencoder has no loss of each class");
}

}  // namespace trireme::launcher
