#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {

void ReferenceKernels::sum(Tensor& y, const Tensor& x) {
  double total = 0;
  for (double value : load(x)) total += value;
  store(y, {total});
}

void ReferenceKernels::sum_squares(Tensor& y, const Tensor& x) {
  double total = 0;
  for (double value : load(x)) total += value * value;
  store(y, {total});
}

void ReferenceKernels::column_sum(Tensor& y, const Tensor& x, bool accumulate) {
  const auto columns = static_cast<std::size_t>(columns_of(x));
  const Values values = load(x);
  Values sums(columns);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i % columns] += values[i];
  store_gradient(y, sums, accumulate);
}

void ReferenceKernels::argmax(Tensor& y, const Tensor& x) {
  const std::int64_t columns = columns_of(x);
  const Values values = load(x);
  Values result;
  for (std::int64_t row = 0; row < rows_of(x); ++row) {
    const double* first = values.data() + row * columns;
    std::int64_t best = 0;
    for (std::int64_t column = 1; column < columns; ++column)
      if (first[column] > first[best]) best = column;
    result.push_back(static_cast<double>(best));
  }
  store(y, result);
}

}  // namespace trireme::reference
