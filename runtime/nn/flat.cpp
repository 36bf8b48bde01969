#include "runtime/nn/flat.h"

#include <algorithm>

namespace trireme::nn {
namespace {

constexpr std::int64_t alignment = 16;  // elements

std::int64_t aligned(std::int64_t count) { return (count + alignment - 1) / alignment * alignment; }

}  // namespace

FlatParameters::FlatParameters(Module& module, Device& device, Kernels& kernels, const FlatOptions& options)
    : device_(device), kernels_(kernels) {
  module.name_parameters();
  place(module.parameters());
  weights = empty(device, {size_}, DType::f32, MemoryKind::weights);
  kernels.fill(weights, 0.0f);
  if (options.compute != DType::f32) {
    compute = empty(device, {size_}, options.compute, MemoryKind::weights);
    kernels.fill(compute, 0.0f);
  }
  if (options.gradients && trainable_ > 0) {
    const std::int64_t bytes = trainable_ * size_of(DType::f32);
    auto memory = options.gradient_memory ? options.gradient_memory(bytes)
                                          : device.allocate(bytes, MemoryKind::gradients);
    gradients = Tensor(device, std::move(memory), 0, {trainable_}, DType::f32);
    kernels.fill(gradients, 0.0f);
  }
  attach();
}

void FlatParameters::place(const std::vector<Parameter*>& parameters) {
  const auto wanted = [](const Parameter& p, int group) {
    return group == 2 ? !p.trainable : p.trainable && p.decayed == (group == 0);
  };
  for (int group = 0; group < 3; ++group) {
    const std::int64_t begin = size_;
    for (Parameter* parameter : parameters) {
      if (!wanted(*parameter, group)) continue;
      placements_.push_back({parameter, size_, parameter->numel()});
      size_ += aligned(parameter->numel());
    }
    if (group < 2) {
      if (size_ > begin) groups_.push_back({begin, size_, group == 0});
      trainable_ = size_;
    }
  }
}

void FlatParameters::attach() {
  for (const Placement& p : placements_) {
    const Tensor& source = compute ? compute : weights;
    p.parameter->leaf.value = source.range(p.begin, p.begin + p.count).view(p.parameter->shape);
    if (gradients && p.parameter->trainable)
      p.parameter->leaf.gradient = gradients.range(p.begin, p.begin + p.count).view(p.parameter->shape);
  }
}

void FlatParameters::initialise(std::uint64_t seed) {
  for (const Placement& p : placements_) {
    Tensor value = weights.range(p.begin, p.begin + p.count);
    nn::initialise(kernels_, value, *p.parameter, seed);
  }
  refresh_compute();
}

void FlatParameters::begin_step() {
  for (const Placement& p : placements_) p.parameter->leaf.begin_step();
}

void FlatParameters::zero_untouched() {
  for (const Placement& p : placements_) zero_if_untouched(*p.parameter);
}

void FlatParameters::zero_if_untouched(Parameter& parameter) {
  Leaf& leaf = parameter.leaf;
  if (!leaf.wants_gradient() || !leaf.fresh()) return;
  kernels_.fill(leaf.gradient, 0.0f);
  leaf.mark_written();
}

void FlatParameters::refresh_compute() {
  if (compute) kernels_.cast(compute, weights);
}

std::int64_t FlatParameters::parameter_count() const noexcept {
  std::int64_t count = 0;
  for (const Placement& p : placements_) count += p.count;
  return count;
}

}  // namespace trireme::nn
