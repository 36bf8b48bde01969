#include "launcher/trainer/adversarial_tasks.h"

#include "runtime/ops/elementwise.h"

namespace trireme::launcher {

Tensor ImageGame::generate(Context& cx) {
  Tensor noise = empty(cx.device, {cx.samples, 1, 1, config_.noise}, DType::f32);
  cx.kernels.random(noise, {.key = {cx.seed, hash_name("noise", static_cast<std::uint64_t>(cx.step) + 1)},
                            .first = cx.first_sample * config_.noise});
  return generator_.forward(cx, ops::cast(cx, noise, compute_));
}

Tensor ImageGame::judge(Context& cx, const Tensor& images) {
  return ops::cast(cx, discriminator_.forward(cx, images), DType::f32);
}

// The generator forwards and back; the discriminator likewise for real and drawn images, whose own gradients nobody
// asks for, and once more without gradients of its weights. The noise needs no gradient.
double ImageGame::flops(std::int64_t batch) const {
  const double draw = generator_.forward_flops(), judge = discriminator_.forward_flops();
  return static_cast<double>(batch) *
         (3 * draw - generator_.first_layer_flops() + 2 * (3 * judge - discriminator_.first_layer_flops()) + 2 * judge);
}

}  // namespace trireme::launcher
