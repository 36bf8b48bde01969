#include "parallel/training/adversarial.h"

#include "runtime/nn/frozen.h"
#include "runtime/ops/loss.h"

namespace trireme::parallel {

AdversarialStep::AdversarialStep(const AdversarialContext& context)
    : context_(context),
      generator_tape_(*context.backend.device, *context.backend.kernels),
      discriminator_tape_(*context.backend.device, *context.backend.kernels),
      losses_(empty(*context.backend.device, {2}, DType::f32, MemoryKind::workspace)) {
  require(context.plan.micros == 1, "adversarial step", "expected one micro-batch, found", context.plan.micros);
}

Context AdversarialStep::context(std::int64_t step, Tape& tape, const Player& player) {
  const data::Share samples = data::share_of(context_.plan.global, {context_.data.index(), context_.data.size(), 1}, 0);
  return {*context_.backend.device,
          *context_.backend.kernels,
          &tape,
          /*training=*/true,
          context_.seed,
          step,
          samples.first,
          samples.count,
          &player.state};
}

Tensor AdversarialStep::loss(Context& cx, const Tensor& logits, float target) {
  Tensor wanted = empty_like(logits);
  cx.kernels.fill(wanted, target);
  return ops::pointwise_loss(cx, logits, wanted, PointwiseLoss::bce_logits);
}

AdversarialLosses AdversarialStep::run(std::int64_t step, const Tensor& real) {
  Player &generator = context_.generator, &discriminator = context_.discriminator;
  Kernels& kernels = *context_.backend.kernels;
  const float part = 1.0f / static_cast<float>(context_.data.size());
  Tensor of_discriminator = losses_.range(0, 1), of_generator = losses_.range(1, 2);
  kernels.fill(losses_, 0.0f);
  generator.set_step(step, false);
  discriminator.set_step(step, false);
  generator_tape_.clear();
  Context drawing = context(step, generator_tape_, generator);
  const Tensor drawn = context_.task.generate(drawing);

  const Tensor scale = loss_scale_of(discriminator.state);
  for (const bool is_real : {true, false}) {
    discriminator_tape_.clear();
    Context judging = context(step, discriminator_tape_, discriminator);
    discriminator.begin(is_real ? 0 : 1, 2);
    const Tensor logits = context_.task.judge(judging, is_real ? real : drawn.detached());
    const Tensor found = loss(judging, logits, is_real ? 1.0f : 0.0f);
    kernels.axpy(of_discriminator, found, part, nullptr);
    discriminator_tape_.backward(found, part, WeightGradients::now, &scale);
  }
  discriminator.finish();

  const nn::Frozen frozen(context_.task.discriminator());
  generator.begin(0, 1);
  const Tensor found = loss(drawing, context_.task.judge(drawing, drawn), 1.0f);
  kernels.axpy(of_generator, found, part, nullptr);
  const Tensor generator_scale = loss_scale_of(generator.state);
  generator_tape_.backward(found, part, WeightGradients::now, &generator_scale);
  generator.finish();

  Device& device = *context_.backend.device;
  if (context_.data.size() > 1)
    context_.data.compute().all_reduce({losses_.raw(), losses_.numel(), DType::f32, "losses of both networks"},
                                       Reduction::sum, device.compute());
  const std::vector<float> losses = to_floats(losses_);
  return {.discriminator = double{losses[0]}, .generator = double{losses[1]}};
}

}  // namespace trireme::parallel
