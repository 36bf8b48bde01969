#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {

void CpuKernels::sum(Tensor& y, const Tensor& x) {
  y.data<float>()[0] =
      static_cast<float>(sum_of_parts(x.numel(), [&](Range range) { return level_.sum(array_of(x), range); }));
}

void CpuKernels::sum_squares(Tensor& y, const Tensor& x) {
  y.data<double>()[0] = sum_of_parts(x.numel(), [&](Range range) { return level_.sum_squares(array_of(x), range); });
}

void CpuKernels::column_sum(Tensor& y, const Tensor& x, bool accumulate) {
  const std::int64_t columns = y.numel(), rows = columns == 0 ? 0 : x.numel() / columns;
  sum_over_rows(rows, columns, y.data<float>(), accumulate,
                [&](float* sums, Range range) { level_.column_sums(array_of(x), columns, sums, range); });
}

void CpuKernels::argmax(Tensor& y, const Tensor& x) {
  const std::int64_t columns = columns_of(x);
  for_range(rows_of(x), columns,
            [&](Range range) { level_.argmax(y.data<std::int32_t>(), array_of(x), columns, range); });
}

}  // namespace trireme::cpu
