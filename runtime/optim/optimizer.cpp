#include "runtime/optim/optimizer.h"

#include <algorithm>
#include <cmath>

namespace trireme::optim {
namespace {

Tensor zeros(nn::FlatParameters& parameters) {
  Tensor moment = empty(parameters.device(), {parameters.trainable()}, DType::f32, MemoryKind::optimizer);
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
  update(0, parameters_.trainable(), lr, gradient_scale);
}

void Optimizer::step(const Tensor& state) {
  update(0, parameters_.trainable(), state);
}

void Optimizer::update(std::int64_t begin, std::int64_t end, float lr, float gradient_scale) {
  update(begin, end,
         Update{.lr = lr,
                .gradient_scale = gradient_scale,
                .bias1 = bias_correction(config_.beta1, steps_),
                .bias2 = bias_correction(config_.beta2, steps_)});
}

void Optimizer::update(std::int64_t begin, std::int64_t end, const Tensor& state) {
  update(begin, end, Update{.state = &state});
}

void Optimizer::update(std::int64_t begin, std::int64_t end, Update how) {
  how.rule = config_.rule;
  how.momentum = config_.momentum;
  how.beta1 = config_.beta1;
  how.beta2 = config_.beta2;
  how.epsilon = config_.epsilon;
  how.clip_value = config_.clip_value;
  for (const nn::ParameterGroup& group : parameters_.groups()) {
    const std::int64_t from = std::max(begin, group.begin), to = std::min(end, group.end);
    if (from >= to) continue;
    how.weight_decay = group.decayed ? config_.weight_decay : 0.0f;
    how.l1 = group.decayed ? config_.l1 : 0.0f;
    how.l2 = group.decayed ? config_.l2 : 0.0f;
    Tensor weights = parameters_.weights.range(from, to);
    Tensor compute = parameters_.compute ? parameters_.compute.range(from, to) : Tensor{};
    Tensor first = moment1 ? moment1.range(from, to) : Tensor{};
    Tensor second = moment2 ? moment2.range(from, to) : Tensor{};
    parameters_.kernels().update(weights, compute ? &compute : nullptr, first ? &first : nullptr,
                                 second ? &second : nullptr, parameters_.gradients.range(from, to), how);
  }
}

}  // namespace trireme::optim
