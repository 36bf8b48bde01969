#include "launcher/trainer/step.h"

#include <algorithm>
#include <array>

namespace trireme::launcher {
namespace {

// Sums two numbers over the ranks.
std::array<float, 2> sum_over_ranks(StepContext& run, const Tensor& first, float second) {
  Device& device = *run.backend.device;
  Tensor pair = empty(device, {2}, DType::f32, MemoryKind::workspace);
  Tensor left = pair.range(0, 1), right = pair.range(1, 2);
  run.backend.kernels->cast(left, first.view({1}));
  run.backend.kernels->fill(right, second);
  run.data.compute().all_reduce({pair.raw(), 2, DType::f32, "loss and stop flag"}, Reduction::sum, device.compute());
  std::array<float, 2> sums{};
  device.copy_to_host(sums.data(), pair.raw(), pair.bytes());
  return sums;
}

}  // namespace

BatchPlan plan_batch(std::int64_t global, std::int64_t micro, std::int64_t ranks) {
  require(global > 0 && micro >= 0, "batch",
          "expected a positive global batch and a micro-batch of zero or more, found", global, "and", micro);
  require(global % ranks == 0, "batch", "expected a global batch that the ranks share equally:", global,
          "samples are not a multiple of", ranks,
          "ranks; the nearest that are:", std::max(global / ranks, std::int64_t{1}) * ranks, "and",
          (global / ranks + 1) * ranks);
  const std::int64_t share = global / ranks, size = micro == 0 ? share : micro;
  require(share % size == 0, "batch", "expected micro-batches that divide a rank's share:", global, "samples /", ranks,
          "ranks =", share, "which is not a multiple of", size);
  return {global, size, share / size};
}

StepReport train_step(StepContext& run, std::int64_t step, const BatchSource& batches, bool stop) {
  Kernels& kernels = *run.backend.kernels;
  const data::Division division{run.data.index(), run.data.size(), run.plan.micros};
  const float share = static_cast<float>(run.plan.micro) / static_cast<float>(run.plan.global);
  Tensor total = empty(*run.backend.device, {}, DType::f32, MemoryKind::workspace);  // this rank's part of the loss
  kernels.fill(total, 0.0f);

  Tape tape(*run.backend.device, kernels);
  for (std::int64_t micro = 0; micro < run.plan.micros; ++micro) {
    const data::Share samples = data::share_of(run.plan.global, division, micro);
    const data::Batch batch = batches(step, samples);
    Context cx{*run.backend.device, kernels, &tape, /*training=*/true, run.seed, step, samples.first, samples.count};
    tape.clear();
    run.player.begin(micro, run.plan.micros);
    const Tensor loss = run.task.loss(cx, batch);
    kernels.axpy(total, loss, share, nullptr);
    tape.backward(loss, run.player.loss_scale.scale * share);  // buckets leave during the last one
  }
  const UpdateReport update = run.player.finish(step);
  const auto [loss, wishes] = sum_over_ranks(run, total, stop ? 1.0f : 0.0f);
  return {loss, update, wishes > 0.0f};
}

double evaluate(StepContext& run, std::int64_t samples, const BatchSource& batches) {
  Kernels& kernels = *run.backend.kernels;
  Tensor total = empty(*run.backend.device, {}, DType::f32, MemoryKind::workspace);
  kernels.fill(total, 0.0f);
  // Batches of the training size, dealt to the ranks in turn.
  for (std::int64_t begin = run.data.index() * run.plan.micro; begin < samples;
       begin += run.data.size() * run.plan.micro) {
    const std::int64_t count = std::min(run.plan.micro, samples - begin);
    const data::Batch batch = batches(0, {begin, count});
    Context cx{*run.backend.device, kernels};
    cx.samples = count;
    kernels.axpy(total, run.task.loss(cx, batch), static_cast<float>(count) / static_cast<float>(samples), nullptr);
  }
  return double{sum_over_ranks(run, total, 0.0f)[0]};
}

}  // namespace trireme::launcher
