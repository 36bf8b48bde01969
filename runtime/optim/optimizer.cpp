#include "runtime/optim/optimizer.h"

#include <cmath>

namespace trireme::optim {
namespace {

Tensor zeros(nn::FlatParameters& parameters) {
  Tensor moment = empty(parameters.device(), {parameters.owned_trainable()}, DType::f32, MemoryKind::optimizer);
  parameters.kernels().fill(moment, 0.0f);
  return moment;
}

float bias_correction(float beta, std::int64_t step) {
  return static_cast<float>(1.0 - std::pow(static_cast<double>(beta), static_cast<double>(step)));
}

}  // namespace

Optimizer::Optimizer(nn::FlatParameters& parameters, const OptimizerConfig& config)
    : parameters_(parameters), config_(config) {
  if (has_moment1(config.rule)) moment1 = zeros(parameters);
  if (has_moment2(config.rule)) moment2 = zeros(parameters);
}

void Optimizer::step(float lr, float gradient_scale) {
  ++steps_;
  const Update how{.lr = lr,
                   .gradient_scale = gradient_scale,
                   .bias1 = bias_correction(config_.beta1, steps_),
                   .bias2 = bias_correction(config_.beta2, steps_)};
  for (const nn::OwnedRange& range : parameters_.owned()) update(range, how);
}

void Optimizer::step(const Tensor& state) {
  for (const nn::OwnedRange& range : parameters_.owned()) step(range, state);
}

void Optimizer::step(const nn::OwnedRange& range, const Tensor& state) {
  update(range, Update{.state = &state});
}

void Optimizer::update(const nn::OwnedRange& range, Update how) {
  if (!range.gradients) return;  // frozen
  how.rule = config_.rule;
  how.momentum = config_.momentum;
  how.beta1 = config_.beta1;
  how.beta2 = config_.beta2;
  how.epsilon = config_.epsilon;
  how.clip_value = config_.clip_value;
  how.weight_decay = range.decayed ? config_.weight_decay : 0.0f;
  how.l1 = range.decayed ? config_.l1 : 0.0f;
  how.l2 = range.decayed ? config_.l2 : 0.0f;
  const std::int64_t end = range.local + (range.end - range.begin);
  Tensor weights = range.weights, compute = range.compute;
  Tensor first = moment1 ? moment1.range(range.local, end) : Tensor{};
  Tensor second = moment2 ? moment2.range(range.local, end) : Tensor{};
  parameters_.kernels().update(weights, compute ? &compute : nullptr, first ? &first : nullptr,
                               second ? &second : nullptr, range.gradients, how);
}

}  // namespace trireme::optim
