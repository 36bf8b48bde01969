// Between tensors of any floating-point dtype and vectors of doubles, for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/tensor/tensor.h"

namespace trireme::test {

using Values = std::vector<double>;

// Each value rounded once to `dtype`, a floating-point one.
inline Tensor tensor_of(Device& device, const Values& values, const Shape& shape, DType dtype,
                        MemoryKind kind = MemoryKind::activations) {
  if (dtype == DType::f64) return from_host<double>(device, values, shape, kind);
  return visit_compute_type("tensor_of", dtype, [&]<class T>(T) {
    std::vector<T> rounded;
    rounded.reserve(values.size());
    for (double value : values) rounded.push_back(T(static_cast<float>(value)));
    return from_host<T>(device, rounded, shape, kind);
  });
}

// The elements of a floating-point tensor, or of ids (i32).
inline Values values_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return to_host<double>(tensor);
  if (tensor.dtype() == DType::i32) {
    const std::vector<std::int32_t> ids = to_host<std::int32_t>(tensor);
    return {ids.begin(), ids.end()};
  }
  const std::vector<float> floats = to_floats(tensor);
  return {floats.begin(), floats.end()};
}

}  // namespace trireme::test
