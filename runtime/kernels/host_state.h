// The state of a step for kernels whose device memory the host can read.
#pragma once

#include "runtime/kernels/kernels.h"

namespace trireme {

inline StepState& host_state(const Tensor& state) {
  return *reinterpret_cast<StepState*>(state.raw());
}

inline RandomKey sequence_of(const Dropout& how) {
  return at_step(how.key, how.state ? host_state(*how.state).step : how.step);
}
// The same dropout with the sequence of this step as its key.
inline Dropout at_this_step(Dropout how) {
  how.key = sequence_of(how);
  how.step = 0;
  how.state = nullptr;
  return how;
}

// Takes what `how.state` says into `how`; false if the step is to be skipped.
inline bool take_state(Update& how) {
  if (!how.state) return true;
  const StepState& state = host_state(*how.state);
  how.lr = state.lr;
  how.gradient_scale = state.gradient_scale;
  how.bias1 = state.bias1;
  how.bias2 = state.bias2;
  how.rounding.step = state.step;
  return state.finite != 0;
}

}  // namespace trireme
