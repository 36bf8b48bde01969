#include "runtime/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "runtime/kernels/formulas/update_rules.h"

namespace trireme::optim {
namespace {

Tensor zeros(nn::FlatParameters& parameters) {
  Tensor moment = empty(parameters.device(), {parameters.owned_trainable()}, DType::f32, MemoryKind::optimizer);
  parameters.kernels().fill(moment, 0.0f);
  return moment;
}

// Weights to [-bound, bound]. What lies within keeps its bits.
void clip(Kernels& kernels, Tensor& weights, float bound) {
  Tensor limit = empty_like(weights), beyond = empty_like(weights);
  kernels.fill(limit, bound);
  for (const float side : {1.0f, -1.0f}) {
    kernels.scale(beyond, weights, side, nullptr);
    kernels.binary(beyond, beyond, limit, Binary::subtract);
    kernels.activate(beyond, beyond, Activation::relu);
    kernels.axpy(weights, beyond, -side, nullptr);
  }
}

float bias_correction(float beta, std::int64_t step) {
  return static_cast<float>(1.0 - std::pow(static_cast<double>(beta), static_cast<double>(step)));
}

}  // namespace

Optimizer::Optimizer(nn::FlatParameters& parameters, const OptimizerConfig& config)
    : parameters_(parameters), config_(config) {
  if (formulas::has_first_moment(config.rule)) moment1 = zeros(parameters);
  if (formulas::has_second_moment(config.rule)) moment2 = zeros(parameters);
}

void Optimizer::step(float lr, float gradient_scale) {
  ++steps_;
  const Update how{.lr = lr,
                   .gradient_scale = gradient_scale,
                   .bias1 = bias_correction(config_.beta1, steps_),
                   .bias2 = bias_correction(config_.beta2, steps_),
                   .rounding = {.step = steps_ - 1}};
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
  if (range.weights.dtype() == DType::f32) return update_part(range, 0, range.end - range.begin, how);
  // Parameter by parameter: the random numbers are those of an element's place in the model, whoever updates it.
  for (const nn::Placement& p : parameters_.placements()) {
    const std::int64_t from = std::max(range.begin, p.begin), to = std::min(range.end, p.begin + p.count);
    if (from >= to) continue;
    how.rounding.key = {config_.seed, hash_name(" rounding", hash_name(p.parameter->name))};
    for (const nn::NumberedRuns& part : nn::numbered_runs(p.parameter->piece, from - p.begin, to - from)) {
      how.rounding.first = part.first;
      how.rounding.runs = part.runs;
      const std::int64_t begin = p.begin + part.here - range.begin;
      update_part(range, begin, begin + part.count, how);
    }
  }
}

void Optimizer::update_part(const nn::OwnedRange& range, std::int64_t begin, std::int64_t end, const Update& how) {
  const auto part = [&](const Tensor& whole, std::int64_t from) {
    return whole ? whole.range(from + begin, from + end) : Tensor{};
  };
  Tensor weights = part(range.weights, 0), compute = part(range.compute, 0);
  Tensor first = part(moment1, range.local), second = part(moment2, range.local);
  parameters_.kernels().update(weights, compute ? &compute : nullptr, first ? &first : nullptr,
                               second ? &second : nullptr, part(range.gradients, 0), how);
  if (config_.clip_weight == 0.0f) return;
  clip(parameters_.kernels(), weights, config_.clip_weight);
  if (compute) parameters_.kernels().cast(compute, weights);
}

}  // namespace trireme::optim
