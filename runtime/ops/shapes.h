// Checks and shape arithmetic shared by the operations.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/tensor/tensor.h"

namespace trireme::ops {

inline void same_shape(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) fail(op, "expected equal shapes, found", a.shape(), "and", b.shape());
}

inline void same_dtype(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) fail(op, "expected equal dtypes, found", a.dtype(), "and", b.dtype());
}

inline void expect_dtype(std::string_view op, const Tensor& x, DType dtype) {
  if (x.dtype() != dtype) fail(op, "expected", dtype, "found", x.dtype());
}

// `shape` with another innermost size.
inline Shape with_last(const Shape& shape, std::int64_t last) {
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  sizes.back() = last;
  return Shape(sizes);
}

// `shape` seen as (rows, columns): everything but the innermost dimension is rows.
inline Shape as_matrix(const Shape& shape) {
  const std::int64_t columns = shape[-1];
  return {columns == 0 ? 0 : shape.numel() / columns, columns};
}

}  // namespace trireme::ops
