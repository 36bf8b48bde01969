#include "parallel/training/adversarial.h"

#include <cstring>
#include <string>

#include "parallel/together/take_part.h"
#include "runtime/device/timeline.h"
#include "runtime/kernels/image_kernels.h"
#include "runtime/nn/frozen.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/gradient_penalty.h"
#include "runtime/ops/loss.h"

namespace trireme::parallel {
namespace {

struct Outcome {
  StepState generator, discriminator;
  float loss = 0.0f, opponents_loss = 0.0f;
  float stops = 0.0f;  // ranks that asked to stop
};

StepReport read_outcome(const std::byte* bytes) {
  Outcome outcome;
  if (bytes) std::memcpy(&outcome, bytes, sizeof outcome);
  return {.loss = double{outcome.loss},
          .gradient_norm = outcome.generator.gradient_norm,
          .lr = double{outcome.generator.lr},
          .skipped = outcome.generator.finite == 0 || outcome.discriminator.finite == 0,
          .stop = outcome.stops > 0.0f,
          .opponent = OpponentReport{.loss = double{outcome.opponents_loss},
                                     .gradient_norm = outcome.discriminator.gradient_norm,
                                     .lr = double{outcome.discriminator.lr}}};
}

}  // namespace

AdversarialStep::AdversarialStep(const AdversarialContext& context)
    : context_(context),
      part_(1.0f / static_cast<float>(context.data.size())),
      generator_tape_(*context.backend.device, *context.backend.kernels),
      discriminator_tape_(*context.backend.device, *context.backend.kernels),
      outcome_(empty(*context.backend.device, {3}, DType::f32, MemoryKind::workspace)) {
  require(context.plan.micros == 1, "adversarial step", "expected one micro-batch, found", context.plan.micros);
  for (auto& host : host_) host = context.backend.device->allocate_host(sizeof(Outcome));
}

StepResult AdversarialStep::run(std::int64_t step, const BatchSource& batches, bool stop) {
  Device& device = *context_.backend.device;
  return take_part(context_.data.communication(), device, [&] {
    context_.generator.set_step(step, stop);
    context_.discriminator.set_step(step, stop);
    const TimeRange range(device, device.compute(), "step " + std::to_string(step + 1), "step");
    work(step, batches);
    return result();
  });
}

// Of the discriminator's update `number` of the run.
Context AdversarialStep::context(std::int64_t number, Tape* tape, const Player& player) {
  const data::Share samples = data::share_of(context_.plan.global, {context_.data.index(), context_.data.size(), 1}, 0);
  return {*context_.backend.device,
          *context_.backend.kernels,
          tape,
          /*training=*/true,
          context_.seed,
          number,
          samples.first,
          samples.count,
          &player.state};
}

void AdversarialStep::work(std::int64_t step, const BatchSource& batches) {
  Device& device = *context_.backend.device;
  Kernels& kernels = *context_.backend.kernels;
  kernels.fill(outcome_, 0.0f);
  const std::int64_t updates = context_.rule.discriminator_steps;
  const data::Share share = data::share_of(context_.plan.global, {context_.data.index(), context_.data.size(), 1}, 0);
  for (std::int64_t update = 0; update < updates; ++update) {
    const std::int64_t number = step * updates + update;
    const bool last = update + 1 == updates;
    const data::Batch batch = batches(number, share);
    generator_tape_.clear();
    Context drawing = context(number, last ? &generator_tape_ : nullptr, context_.generator);
    const Tensor drawn = context_.task.generate(drawing, batch);
    Context reading = context(number, nullptr, context_.discriminator);
    learn_to_judge(number, batch, context_.task.real(reading, batch), drawn.detached());
    if (last) learn_to_draw(drawing, batch, drawn);
  }
  Tensor stops = outcome_.range(2, 3);
  kernels.cast(stops, stop_of(context_.generator.state));
  if (context_.data.size() > 1)
    context_.data.compute().all_reduce({outcome_.raw(), outcome_.numel(), DType::f32, "losses and stop flag"},
                                       Reduction::sum, device.compute());
}

// Logits that ought to be above zero, or below it.
Tensor AdversarialStep::judged(Context& cx, const Tensor& logits, bool real) {
  if (context_.rule.loss == AdversarialLoss::wasserstein)
    return ops::scale(cx, ops::mean(cx, logits), real ? -1.0f : 1.0f);
  const bool hinge = context_.rule.loss == AdversarialLoss::hinge;
  Tensor wanted = empty_like(logits);
  cx.kernels.fill(wanted, real ? 1.0f : hinge ? -1.0f : 0.0f);
  return ops::pointwise_loss(cx, logits, wanted, hinge ? PointwiseLoss::hinge : PointwiseLoss::bce_logits);
}

// drawn + share (real - drawn), with a share for each sample.
Tensor AdversarialStep::between(Context& cx, const Tensor& real, const Tensor& drawn) {
  const std::int64_t samples = real.size(0), numbers = real.numel() / samples;
  Tensor share = empty(cx.device, {samples, 1, 1, 1}, DType::f32);
  cx.kernels.random(share, {.distribution = Distribution::uniform,
                            .a = 0.0f,
                            .b = 1.0f,
                            .key = at_step({cx.seed, hash_name("gradient penalty")}, cx.step),
                            .first = cx.first_sample});
  Tensor shares = empty(cx.device, {samples, 1, numbers, 1}, DType::f32);  // each one repeated
  cx.kernels.images().resample(shares, share, Resampling::nearest);
  Tensor mixed = empty(cx.device, shares.shape(), DType::f32);
  cx.kernels.cast(mixed, real.view(shares.shape()));
  cx.kernels.axpy(mixed, drawn.view(shares.shape()), -1.0f, nullptr);
  cx.kernels.binary(mixed, mixed, shares, Binary::multiply);
  cx.kernels.axpy(mixed, drawn.view(shares.shape()), 1.0f, nullptr);
  Tensor result = empty_like(real);
  cx.kernels.cast(result, mixed.view(real.shape()));
  return result;
}

void AdversarialStep::learn_to_judge(std::int64_t number, const data::Batch& batch, const Tensor& real,
                                     const Tensor& drawn) {
  Player& player = context_.discriminator;
  const Tensor scale = loss_scale_of(player.state);
  const float penalty = context_.rule.gradient_penalty;
  const std::int64_t passes = penalty > 0.0f ? 3 : 2;
  const float of_step = part_ / static_cast<float>(context_.rule.discriminator_steps);
  Tensor total = outcome_.range(1, 2);
  std::int64_t pass = 0;
  const auto learn = [&](const auto& loss_of, float factor) {
    discriminator_tape_.clear();
    Context judging = context(number, &discriminator_tape_, player);
    player.begin(pass++, passes);
    const Tensor loss = loss_of(judging);
    context_.backend.kernels->axpy(total, loss, factor * of_step, nullptr);
    discriminator_tape_.backward(loss, factor * part_, WeightGradients::now, &scale);
  };
  // The penalty first: the passes after it reach every parameter.
  if (penalty > 0.0f) {
    learn(
        [&](Context& cx) {
          return ops::gradient_penalty(cx, context_.task.slope(cx, between(cx, real, drawn), batch));
        },
        penalty);
  }
  for (const bool is_real : {true, false})
    learn([&](Context& cx) { return judged(cx, context_.task.judge(cx, is_real ? real : drawn, batch), is_real); },
          1.0f);
  player.finish();
}

void AdversarialStep::learn_to_draw(Context& drawing, const data::Batch& batch, const Tensor& drawn) {
  Player& player = context_.generator;
  Kernels& kernels = *context_.backend.kernels;
  const nn::Frozen frozen(context_.task.discriminator());
  player.begin(0, 1);
  const Tensor logits = context_.task.judge(drawing, drawn, batch);
  const Tensor loss = context_.rule.loss == AdversarialLoss::minimax
                          ? judged(drawing, logits, true)
                          : ops::scale(drawing, ops::mean(drawing, logits), -1.0f);
  Tensor total = outcome_.range(0, 1);
  kernels.axpy(total, loss, part_, nullptr);
  const Tensor scale = loss_scale_of(player.state);
  generator_tape_.backward(loss, part_, WeightGradients::now, &scale);
  player.finish();
  if (context_.average) context_.average->follow(drawing.step / context_.rule.discriminator_steps);
}

StepResult AdversarialStep::result() {
  Device& device = *context_.backend.device;
  const auto& host = host_[static_cast<std::size_t>(done_++ % 2)];
  device.copy_to_host_later(host->data(), context_.generator.state.raw(), sizeof(StepState));
  device.copy_to_host_later(host->data() + offsetof(Outcome, discriminator), context_.discriminator.state.raw(),
                            sizeof(StepState));
  device.copy_to_host_later(host->data() + offsetof(Outcome, loss), outcome_.raw(), outcome_.bytes());
  return {host, device.compute().record(), read_outcome};
}

}  // namespace trireme::parallel
