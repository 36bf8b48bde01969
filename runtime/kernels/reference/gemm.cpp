#include <algorithm>
#include <cmath>

#include "runtime/kernels/reference/activations.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// The numbers of `values` that a format of 8 bits holds, as Gemm::a_format says.
void round_to_eight_bits(Values& values, EightBits format) {
  if (format == EightBits::none) return;
  const bool wide = format == EightBits::e5m2;
  const double greatest = wide ? 57344.0 : 448.0;
  const int mantissa = wide ? 2 : 3, least_exponent = wide ? -14 : -6;
  double largest = 0.0;
  for (const double value : values) largest = std::max(largest, std::fabs(value));  // passes NaN over
  if (std::isinf(largest)) {
    for (double& value : values) value = std::nan("");
    return;
  }
  int power = 0;
  if (largest > 0.0) {
    while (std::ldexp(largest, power) > greatest) --power;
    while (std::ldexp(largest, power + 1) <= greatest) ++power;
  }
  for (double& value : values) {
    if (value == 0.0 || std::isnan(value)) continue;
    const double scaled = std::ldexp(value, power);
    const int unit = std::max(std::ilogb(scaled), least_exponent) - mantissa;
    value = std::ldexp(std::nearbyint(std::ldexp(scaled, -unit)), unit - power);
  }
}

}  // namespace

void ReferenceKernels::gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const std::int64_t m = rows_of(c), n = columns_of(c);
  const std::int64_t k = m == 0 ? 0 : a.numel() / m;
  Values left = load(a), right = load(b);
  round_to_eight_bits(left, how.a_format);
  round_to_eight_bits(right, how.b_format);
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
