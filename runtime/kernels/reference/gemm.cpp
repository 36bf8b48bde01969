#include "runtime/kernels/reference/activations.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {

void ReferenceKernels::gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const std::int64_t m = rows_of(c), n = columns_of(c);
  const std::int64_t k = m == 0 ? 0 : a.numel() / m;
  const Values left = load(a), right = load(b);
  const Values before = how.beta == 0 ? Values() : load(c);
  const Values bias = how.bias == nullptr ? Values(static_cast<std::size_t>(n)) : load(*how.bias);
  Values input(static_cast<std::size_t>(m * n));
  for (std::int64_t i = 0; i < m; ++i) {
    double* row = input.data() + i * n;
    for (std::int64_t p = 0; p < k; ++p) {
      const double x = left[static_cast<std::size_t>(how.transpose_a ? p * m + i : i * k + p)];
      for (std::int64_t j = 0; j < n; ++j)
        row[j] += x * right[static_cast<std::size_t>(how.transpose_b ? j * k + p : p * n + j)];
    }
    for (std::int64_t j = 0; j < n; ++j) {
      row[j] = how.alpha * row[j] + bias[static_cast<std::size_t>(j)];
      if (how.beta != 0) row[j] += how.beta * before[static_cast<std::size_t>(i * n + j)];
    }
  }
  if (how.preactivation != nullptr) store(*how.preactivation, input);
  for (double& value : input) value = activation_value(how.activation, value);
  store(c, input);
}

}  // namespace trireme::reference
