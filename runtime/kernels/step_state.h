// What changes from step to step, in device memory. Kernels read it there: a step that was captured once can be
// replayed with other numbers, and a skipped step costs the host no wait.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/base/host_device.h"
#include "runtime/base/philox.h"
#include "runtime/tensor/tensor.h"

namespace trireme {

// One per optimizer. The fields written by the host stand first.
struct StepState {
  // Written by the host before a step.
  std::int64_t step = 0;  // of the run: which random numbers dropout draws
  float lr = 0.0f;
  float stop = 0.0f;  // 1: this rank was told to stop
  // Kept from step to step by conclude().
  std::int64_t updates = 0;  // steps that were not skipped: the t of Adam's bias corrections
  std::int64_t skipped = 0;
  float loss_scale = 1.0f;
  std::int32_t good_steps = 0;  // since the loss scale changed
  // What conclude() found out about this step.
  std::int32_t finite = 1;      // 0: a gradient was not finite, nothing is updated
  float gradient_scale = 1.0f;  // factor of every gradient: clipping and loss scale
  double gradient_norm = 0.0;   // before clipping, after unscaling
  float bias1 = 1.0f;           // 1 - beta1^updates
  float bias2 = 1.0f;
};
static_assert(sizeof(StepState) == 64);
inline constexpr std::int64_t step_inputs_bytes = offsetof(StepState, updates);

// What conclude() goes by; the same in every step of a run.
struct StepRule {
  float clip_norm = 0.0f;  // 0 is off
  float beta1 = 0.9f, beta2 = 0.999f;
  bool dynamic_scale = false;  // fp16: the loss scale halves on overflow and doubles after `growth_interval` good steps
  std::int64_t growth_interval = 2000;  // (Micikevicius et al. 2018)
};

// Decides over a step. The `count` numbers at `squares` add up to the sum of the squares of the scaled gradients, over
// all ranks.
TRIREME_HOST_DEVICE inline void conclude(StepState& state, const double* squares, std::int64_t count,
                                         const StepRule& rule) {
  double square = 0.0;
  for (std::int64_t i = 0; i < count; ++i) square += squares[i];
  state.gradient_norm = std::sqrt(square) / state.loss_scale;
  state.finite = std::isfinite(state.gradient_norm) ? 1 : 0;
  if (!state.finite) {
    ++state.skipped;
    state.good_steps = 0;
    const float half = state.loss_scale * 0.5f;
    if (rule.dynamic_scale) state.loss_scale = half > 1.0f ? half : 1.0f;
    return;
  }
  state.gradient_scale = 1.0f / state.loss_scale;
  if (rule.clip_norm > 0.0f && state.gradient_norm > rule.clip_norm)
    state.gradient_scale *= static_cast<float>(rule.clip_norm / state.gradient_norm);
  ++state.updates;
  state.bias1 = static_cast<float>(1.0 - std::pow(static_cast<double>(rule.beta1), static_cast<double>(state.updates)));
  state.bias2 = static_cast<float>(1.0 - std::pow(static_cast<double>(rule.beta2), static_cast<double>(state.updates)));
  if (rule.dynamic_scale && ++state.good_steps >= rule.growth_interval) {
    state.good_steps = 0;
    const float twice = state.loss_scale * 2.0f;
    state.loss_scale = twice < 0x1p24f ? twice : 0x1p24f;
  }
}

// The sequence of one place in the model at one step.
TRIREME_HOST_DEVICE constexpr RandomKey at_step(RandomKey place, std::int64_t step) {
  return {place.seed, place.stream ^ (static_cast<std::uint64_t>(step) * 0x9E3779B97F4A7C15u)};
}

// A StepState as a tensor, (16) f32, so that devices can hold and copy it.
inline Tensor empty_step_state(Device& device) {
  return empty(device, {sizeof(StepState) / sizeof(float)}, DType::f32, MemoryKind::optimizer);
}
inline Tensor loss_scale_of(const Tensor& state) {
  constexpr std::int64_t at = offsetof(StepState, loss_scale) / sizeof(float);
  return state.range(at, at + 1);
}
inline Tensor stop_of(const Tensor& state) {
  constexpr std::int64_t at = offsetof(StepState, stop) / sizeof(float);
  return state.range(at, at + 1);
}

}  // namespace trireme
