#include "parallel/training/player.h"

#include "runtime/device/timeline.h"

namespace trireme::parallel {
namespace {

nn::FlatOptions flat_options(Backend& backend, const Axis& data, const PlayerOptions& options) {
  nn::FlatOptions flat;
  flat.compute = options.compute;
  flat.block_bytes = options.bucket_bytes;
  if (options.zero > 0) flat.sharding = {options.zero, data.size(), data.index()};
  if (data.size() > 1) {
    flat.shared_memory = [&backend, &data](std::int64_t bytes, MemoryKind kind) {
      return data.communication().allocate(*backend.device, bytes, kind);
    };
  }
  return flat;
}

}  // namespace

Player::Player(nn::Module& module, Backend& backend, const Axis& data, const PlayerOptions& options)
    : parameters(module, *backend.device, *backend.kernels, flat_options(backend, data, options)),
      optimizer(parameters, options.optimizer),
      loss_scale(options.loss_scale),
      state(empty_step_state(*backend.device)),
      options_(options),
      data_(data),
      buckets_(parameters, data),
      gathered_(parameters, data),
      square_(empty(*backend.device, {}, DType::f64, MemoryKind::workspace)) {
  parameters.initialise(options.seed);
  weights_changed();
  store_state();
}

void Player::weights_changed() {
  parameters.refresh_compute();
  gathered_.all_changed();
  gathered_.finish();
}

void Player::set_step(std::int64_t step, bool stop) {
  const StepState inputs{
      .step = step, .lr = static_cast<float>(options_.schedule.at(step)), .stop = stop ? 1.0f : 0.0f};
  parameters.device().copy_from_host(state.raw(), &inputs, step_inputs_bytes);
}

void Player::begin(std::int64_t micro, std::int64_t micros) {
  if (micro == 0) parameters.begin_step();
  buckets_.begin(micro + 1 == micros);
}

void Player::finish() {
  Device& device = parameters.device();
  {
    const TimeRange range(device, device.compute(), waiting_span, "communication");
    buckets_.finish();
  }
  const TimeRange range(device, device.compute(), "norm and update", "update");
  Kernels& kernels = parameters.kernels();
  kernels.sum_squares(square_, parameters.gradients);
  if (options_.zero > 0 && data_.size() > 1)
    data_.compute().all_reduce({square_.raw(), 1, DType::f64, "square of the gradients' norm"}, Reduction::sum,
                               device.compute());
  StepRule rule = optimizer.rule();
  rule.clip_norm = options_.clip_norm;
  rule.dynamic_scale = loss_scale.dynamic;
  rule.growth_interval = loss_scale.growth_interval;
  kernels.conclude_step(state, square_, rule);
  for (const nn::OwnedRange& owned : parameters.owned()) {
    optimizer.step(owned, state);
    gathered_.changed(owned.block);
  }
  gathered_.finish();
}

void Player::fetch_state() {
  if (!parameters.device().has_data()) return;
  StepState now;
  parameters.device().copy_to_host(&now, state.raw(), sizeof now);
  optimizer.set_steps(now.updates);
  loss_scale.scale = now.loss_scale;
  loss_scale.good_steps = now.good_steps;
  loss_scale.skipped = now.skipped;
}

void Player::store_state() {
  const StepState now{.updates = optimizer.steps(),
                      .skipped = loss_scale.skipped,
                      .loss_scale = loss_scale.scale,
                      .good_steps = static_cast<std::int32_t>(loss_scale.good_steps)};
  parameters.device().copy_from_host(state.raw(), &now, sizeof now);
}

}  // namespace trireme::parallel
