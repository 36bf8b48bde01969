// Between tensors and vectors of doubles: the reference kernels compute on nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/tensor/tensor.h"

namespace trireme::reference {

using Values = std::vector<double>;

// The elements of a tensor of any dtype.
Values load(const Tensor& x);
// The value of a tensor of one element, or 1 where there is none.
double load_factor(const Tensor* factor);
// Ids of an i32 tensor, each checked to be in [0, count) or equal to `ignore`.
std::vector<std::int32_t> load_ids(const Tensor& ids, std::int64_t count, std::int32_t ignore = -1);

// Rounds to the tensor's dtype. `values` has as many elements as `y`.
void store(Tensor& y, const Values& values);
// store, or with `accumulate` store(y + values).
void store_gradient(Tensor& y, const Values& values, bool accumulate);

// The last size, and the product of the others.
inline std::int64_t columns_of(const Tensor& x) {
  return x.shape().dims() == 0 ? 1 : x.size(-1);
}
inline std::int64_t rows_of(const Tensor& x) {
  const std::int64_t columns = columns_of(x);
  return columns == 0 ? 0 : x.numel() / columns;
}

}  // namespace trireme::reference
