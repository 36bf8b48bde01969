// Tensors as the kernels' arguments.
#pragma once

#include <cstdint>

#include "runtime/kernels/step_state.h"
#include "runtime/tensor/tensor.h"

namespace trireme::cuda {

inline float* floats_of(const Tensor* x) {
  return x ? x->data<float>() : nullptr;
}
template <class T>
T* data_of(const Tensor* x) {
  return x ? x->data<T>() : nullptr;
}
inline StepState* state_of(const Tensor* x) {
  return x ? reinterpret_cast<StepState*>(x->raw()) : nullptr;
}

// The last size, and the product of the others.
inline std::int64_t columns_of(const Tensor& x) {
  return x.shape().dims() == 0 ? 1 : x.size(-1);
}
inline std::int64_t rows_of(const Tensor& x) {
  const std::int64_t columns = columns_of(x);
  return columns == 0 ? 0 : x.numel() / columns;
}

}  // namespace trireme::cuda
