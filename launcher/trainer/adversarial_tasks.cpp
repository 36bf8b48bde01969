#include "launcher/trainer/adversarial_tasks.h"

#include <algorithm>
#include <vector>

#include "runtime/ops/elementwise.h"

namespace trireme::launcher {

ImageGame::ImageGame(const models::DcganConfig& config, const parallel::AdversarialRule& rule, DType compute)
    : config_(config),
      rule_(rule),
      compute_(compute),
      generator_(config),
      discriminator_(config),
      average_(config),
      named_generator_("generator", generator_),
      named_discriminator_("discriminator", discriminator_),
      named_average_("average", average_) {}

Tensor ImageGame::labels_of(const data::Batch& batch) const {
  return config_.classes > 0 ? batch["labels"] : Tensor{};
}

Tensor ImageGame::real(Context& cx, const data::Batch& batch) {
  const Tensor& images = batch["images"];
  const Shape one{images.size(0), config_.size, config_.size, config_.channels};
  require(images.shape() == one, "model.gan", "expected images", one, "found", images.shape());
  return ops::cast(cx, images, compute_);
}

Tensor ImageGame::generate(Context& cx, const data::Batch& batch) {
  Tensor noise = empty(cx.device, {cx.samples, 1, 1, config_.noise}, DType::f32);
  cx.kernels.random(noise, {.key = {cx.seed, hash_name("noise", static_cast<std::uint64_t>(cx.step) + 1)},
                            .first = cx.first_sample * config_.noise});
  return generator_.forward(cx, ops::cast(cx, noise, compute_), labels_of(batch));
}

Tensor ImageGame::judge(Context& cx, const Tensor& samples, const data::Batch& batch) {
  return ops::cast(cx, discriminator_.forward(cx, samples, labels_of(batch)), DType::f32);
}

Tensor ImageGame::slope(Context& cx, const Tensor& samples, const data::Batch& batch) {
  return discriminator_.input_gradient(cx, samples, labels_of(batch));
}

Tensor ImageGame::draw(Backend& backend, const DrawingOptions& options) {
  constexpr std::int64_t at_a_time = 64;
  Device& device = *backend.device;
  Tensor images = empty(device, {options.count, config_.size, config_.size, config_.channels}, DType::f32);
  for (std::int64_t first = 0; first < options.count; first += at_a_time) {
    const std::int64_t samples = std::min(at_a_time, options.count - first);
    Context cx{device, *backend.kernels};
    cx.samples = samples;
    Tensor noise = empty(device, {samples, 1, 1, config_.noise}, DType::f32);
    cx.kernels.random(noise, {.key = {options.seed, hash_name("pictures")}, .first = first * config_.noise});
    Tensor labels;
    if (config_.classes > 0) {
      std::vector<std::int32_t> of_each;
      for (std::int64_t i = first; i < first + samples; ++i)
        of_each.push_back(static_cast<std::int32_t>(options.of_class >= 0 ? options.of_class : i % config_.classes));
      labels = from_host<std::int32_t>(device, of_each, {samples});
    }
    Tensor place = images.rows(first, first + samples);
    cx.kernels.cast(place, average_.forward(cx, ops::cast(cx, noise, compute_), labels));
  }
  return images;
}

Tensor ImageGame::loss(Context&, const data::Batch&) {
  fail("model.gan", "two networks that play against each other have no loss that tells how good they are");
}

data::Batch ImageGame::blank_batch(Device& device, std::int64_t samples) const {
  data::Batch batch;
  batch.tensors["images"] = empty(device, {samples, config_.size, config_.size, config_.channels}, DType::f32);
  if (config_.classes > 0) batch.tensors["labels"] = empty(device, {samples}, DType::i32);
  return batch;
}

// The generator forwards for each of the discriminator's updates, and back once; the noise needs no gradient. The
// discriminator forwards and back for real and drawn images, whose own gradients nobody asks for, and once more for the
// generator, without gradients of its weights. A penalty is a pass forwards, one to the images and one back through
// that, which costs twice as much.
double ImageGame::flops(std::int64_t samples) const {
  const double draw = generator_.forward_flops(), judge = discriminator_.forward_flops();
  const double update =
      draw + 2 * (3 * judge - discriminator_.first_layer_flops()) + (rule_.gradient_penalty > 0.0f ? 4 * judge : 0.0);
  return static_cast<double>(samples) * (static_cast<double>(rule_.discriminator_steps) * update + 2 * draw -
                                         generator_.first_layer_flops() + 2 * judge);
}

}  // namespace trireme::launcher
