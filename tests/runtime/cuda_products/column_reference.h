// A matrix product as a library that counts by columns does it, from the description that ours is given.
#pragma once

#include "runtime/kernels/cuda/gemm/problem.h"

namespace trireme::test {

// Calls store(row, column, sum) for each element of the result, in the library's rows and columns. `left` and `right`
// give the elements at an index of the library's left and right factor.
template <class Left, class Right, class Store>
void multiply_by_columns(const cuda::ColumnProduct& product, Left&& left, Right&& right, Store&& store) {
  const auto index = [](const cuda::ColumnMatrix& matrix, std::int64_t row, std::int64_t column) {
    return matrix.transpose ? column + row * matrix.leading : row + column * matrix.leading;
  };
  const std::int64_t inner = product.left.transpose ? product.left.rows : product.left.columns;
  for (std::int64_t column = 0; column < product.result.columns; ++column) {
    for (std::int64_t row = 0; row < product.result.rows; ++row) {
      double sum = 0;
      for (std::int64_t k = 0; k < inner; ++k)
        sum += left(index(product.left, row, k)) * right(index(product.right, k, column));
      store(row, column, sum);
    }
  }
}

}  // namespace trireme::test
