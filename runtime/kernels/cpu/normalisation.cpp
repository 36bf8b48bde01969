#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {
namespace {
constexpr std::int64_t passes = 4;  // elements' worth of work per element of a row
}

void CpuKernels::layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                            const Tensor& weight, const Tensor& bias, float epsilon) {
  const AsFloats weights(&weight, level_, scratch_), biases(&bias, level_, scratch_);
  const NormForward norm{.y = array_of(y),
                         .sum = array_of(sum),
                         .x = array_of(x),
                         .residual = array_of(residual),
                         .mean = mean.data<float>(),
                         .rstd = rstd.data<float>(),
                         .weight = weights.data(),
                         .bias = biases.data(),
                         .columns = columns_of(x),
                         .epsilon = epsilon};
  for_range(rows_of(x), passes * norm.columns, [&](Range range) { level_.norm(norm, range); });
}

void CpuKernels::layer_norm_grad(Tensor& dx, Tensor& dweight, Tensor& dbias, const Tensor& dy, const Tensor& x,
                                 const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor* add,
                                 bool accumulate) {
  const AsFloats weights(&weight, level_, scratch_);
  const std::int64_t columns = columns_of(x);
  const NormBackward norm{.dx = array_of(dx),
                          .dy = array_of(dy),
                          .x = array_of(x),
                          .add = array_of(add),
                          .mean = mean.data<float>(),
                          .rstd = rstd.data<float>(),
                          .weight = weights.data(),
                          .dweight = nullptr,
                          .dbias = nullptr,
                          .columns = columns};
  // dweight and dbias are summed side by side.
  const Scratch::Lease both = scratch_.take(2 * columns);
  sum_over_rows(rows_of(x), 2 * columns, both.data(), false, [&](float* sums, Range range) {
    NormBackward part = norm;
    part.dweight = sums;
    part.dbias = sums + columns;
    level_.norm_grad(part, range);
  });
  float *to_weight = dweight.data<float>(), *to_bias = dbias.data<float>();
  for (std::int64_t c = 0; c < columns; ++c) {
    to_weight[c] = both.data()[c] + (accumulate ? to_weight[c] : 0.0f);
    to_bias[c] = both.data()[columns + c] + (accumulate ? to_bias[c] : 0.0f);
  }
}

void CpuKernels::rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                          const Tensor& weight, float epsilon) {
  const AsFloats weights(&weight, level_, scratch_);
  const NormForward norm{.y = array_of(y),
                         .sum = array_of(sum),
                         .x = array_of(x),
                         .residual = array_of(residual),
                         .mean = nullptr,
                         .rstd = rstd.data<float>(),
                         .weight = weights.data(),
                         .bias = nullptr,
                         .columns = columns_of(x),
                         .epsilon = epsilon};
  for_range(rows_of(x), passes * norm.columns, [&](Range range) { level_.norm(norm, range); });
}

void CpuKernels::rms_norm_grad(Tensor& dx, Tensor& dweight, const Tensor& dy, const Tensor& x, const Tensor& rstd,
                               const Tensor& weight, const Tensor* add, bool accumulate) {
  const AsFloats weights(&weight, level_, scratch_);
  const NormBackward norm{.dx = array_of(dx),
                          .dy = array_of(dy),
                          .x = array_of(x),
                          .add = array_of(add),
                          .mean = nullptr,
                          .rstd = rstd.data<float>(),
                          .weight = weights.data(),
                          .dweight = nullptr,
                          .dbias = nullptr,
                          .columns = columns_of(x)};
  sum_over_rows(rows_of(x), norm.columns, dweight.data<float>(), accumulate, [&](float* sums, Range range) {
    NormBackward part = norm;
    part.dweight = sums;
    level_.norm_grad(part, range);
  });
}

void CpuKernels::softmax(Tensor& y, const Tensor& x, bool log) {
  const std::int64_t columns = columns_of(x);
  for_range(rows_of(x), passes * columns,
            [&](Range range) { level_.softmax(array_of(y), array_of(x), columns, log, range); });
}

void CpuKernels::softmax_grad(Tensor& dx, const Tensor& dy, const Tensor& y, bool log) {
  const std::int64_t columns = columns_of(y);
  for_range(rows_of(y), passes * columns,
            [&](Range range) { level_.softmax_grad(array_of(dx), array_of(dy), array_of(y), columns, log, range); });
}

}  // namespace trireme::cpu
