#include "parallel/training/player.h"

#include <algorithm>

#include "parallel/replicate/shared_batch.h"
#include "runtime/device/timeline.h"

namespace trireme::parallel {

// Whether there is somebody to share the state with.
bool is_sharded(const Axis& data, const PlayerOptions& options) {
  return options.zero > 0 && (options.groups ? options.groups->inner : data).size() > 1;
}

const Axis& sharding_axis(const Axis& data, const PlayerOptions& options) {
  return options.groups && is_sharded(data, options) ? options.groups->inner : data;
}

// The groups that have the same parts; null: there is one.
const Axis* group_axis(const Axis& data, const PlayerOptions& options) {
  return options.groups && is_sharded(data, options) ? &options.groups->outer : nullptr;
}

nn::FlatOptions flat_options(Backend& backend, const Axis& data, const PlayerOptions& options) {
  const Axis& shards = sharding_axis(data, options);
  nn::FlatOptions flat;
  flat.compute = options.compute;
  flat.masters = options.masters;
  flat.block_bytes = options.bucket_bytes;
  if (is_sharded(data, options)) flat.sharding = {options.zero, shards.size(), shards.index()};
  if (shards.size() > 1) {
    flat.shared_memory = [&backend, &shards](std::int64_t bytes, MemoryKind kind) {
      return shards.communication().allocate(*backend.device, bytes, kind);
    };
  }
  return flat;
}

Player::Player(nn::Module& module, Backend& backend, const Axis& data, const PlayerOptions& options,
               const PlayerStage& stage)
    : parameters(module, *backend.device, *backend.kernels, flat_options(backend, data, options)),
      optimizer(parameters, options.optimizer),
      loss_scale(options.loss_scale),
      state(empty_step_state(*backend.device)),
      options_(options),
      data_(data),
      shards_(sharding_axis(data, options)),
      gathered_(parameters, shards_),
      buckets_(parameters, shards_, stage.shared, group_axis(data, options)),
      stage_(stage),
      squares_(empty(*backend.device, {2}, DType::f64, MemoryKind::workspace)) {
  if (stage.axis) ends_ = stage.axis->compute().split(stage.shared ? 0 : 1, stage.axis->index(), shared_parameters);
  if (options.shared_batch) share_batch(module, data);
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

void Player::begin_overlapping() {
  parameters.begin_step();
  buckets_.begin(false, Buckets::Passes::overlapping);
}

void Player::begin_last() {
  buckets_.begin(true, Buckets::Passes::overlapping);
}

void Player::add_shared() {
  if (!stage_.shared) return;
  parameters.zero_if_untouched(*stage_.shared);
  const Tensor& gradient = stage_.shared->leaf.gradient_to_write();
  ends_->all_reduce({gradient.raw(), gradient.numel(), DType::f32, stage_.shared->name}, Reduction::sum,
                    parameters.device().compute());
}

// What the ranks of the tensor axis hold alike, each with a part of its gradient; after the sum over the data axis.
void Player::add_held_by_others() {
  if (!options_.tensor || options_.tensor->size() == 1) return;
  const std::int64_t begin = parameters.first_held(nn::Held::added), end = parameters.owned_trainable();
  if (begin == end) return;
  const Tensor range = parameters.gradients.range(begin, end);
  options_.tensor->compute().all_reduce({range.raw(), range.numel(), DType::f32, "gradients of shared parameters"},
                                        Reduction::sum, parameters.device().compute());
}

// The norm of all gradients of the model, each counted once.
void Player::take_squares() {
  Kernels& kernels = parameters.kernels();
  Device& device = parameters.device();
  const Axis* tensor = options_.tensor && options_.tensor->size() > 1 ? options_.tensor : nullptr;
  const std::int64_t end =
      tensor && tensor->index() > 0 ? parameters.first_held(nn::Held::alike) : parameters.owned_trainable();
  std::int64_t left_out = end, goes_on = end;  // this rank's part of a shared parameter that another one counts
  if (stage_.shared && !stage_.counts_shared) {
    for (const nn::Placement& p : parameters.placements()) {
      if (p.parameter != stage_.shared) continue;
      for (const nn::OwnedRange& range : parameters.owned()) {
        const std::int64_t from = std::max(range.begin, p.begin), to = std::min(range.end, p.begin + p.count);
        if (from >= to) continue;
        left_out = range.local + from - range.begin;
        goes_on = left_out + to - from;
      }
    }
  }
  Tensor first = squares_.range(0, 1), second = squares_.range(1, 2);
  kernels.sum_squares(first, parameters.gradients.range(0, left_out));
  kernels.sum_squares(second, parameters.gradients.range(goes_on, end));
  const auto add_up = [&](const Axis& axis) {
    axis.compute().all_reduce({squares_.raw(), squares_.numel(), DType::f64, "squares of the gradients' norm"},
                              Reduction::sum, device.compute());
  };
  if (parameters.sharding().level > 0) add_up(shards_);
  if (tensor) add_up(*tensor);
  if (stage_.axis && stage_.axis->size() > 1) add_up(*stage_.axis);
}

void Player::finish() {
  Device& device = parameters.device();
  {
    const TimeRange range(device, device.compute(), waiting_span, "communication");
    add_shared();
    buckets_.finish();
  }
  const TimeRange range(device, device.compute(), "norm and update", "update");
  add_held_by_others();
  take_squares();
  StepRule rule = optimizer.rule();
  rule.clip_norm = options_.clip_norm;
  rule.dynamic_scale = loss_scale.dynamic;
  rule.growth_interval = loss_scale.growth_interval;
  parameters.kernels().conclude_step(state, squares_, rule);
  for (const nn::OwnedRange& owned : parameters.owned()) {
    optimizer.step(owned, state);
    gathered_.changed(owned.block);
  }
  gathered_.finish();
  if (!options_.shared_batch) average_buffers();
}

// What ranks have found of their own batches becomes the same on all.
void Player::average_buffers() {
  Tensor& values = parameters.buffers.values;
  if (!values || data_.size() == 1) return;
  data_.compute().all_reduce({values.raw(), values.numel(), DType::f32, "running statistics"}, Reduction::sum,
                             parameters.device().compute());
  parameters.kernels().scale(values, values, 1.0f / static_cast<float>(data_.size()), nullptr);
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
