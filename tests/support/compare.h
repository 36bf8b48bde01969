// Comparisons that say where and by how much two results differ.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tests/support/host_values.h"

namespace trireme::test {

// got is close to want where |got - want| <= relative * max(|want|, rms of all of want) + absolute. The rms keeps
// elements that cancel to nearly nothing from asking for more digits than the sums they come from have.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

// One rounding to `dtype` of a result computed in fp32: half a unit in the last place, and fp32's own error.
inline Tolerance rounding_of(DType dtype) {
  constexpr double arithmetic = 1e-5;
  switch (dtype) {
    case DType::bf16: return {0x1p-8 + arithmetic, 0};
    case DType::f16: return {0x1p-11 + arithmetic, 0x1p-25};  // below 2^-14 the last place is 2^-24
    case DType::f64: return {1e-10, 0};
    default: return {arithmetic, 0};
  }
}

inline Tolerance operator*(double factor, Tolerance tolerance) {
  return {factor * tolerance.relative, factor * tolerance.absolute};
}

// The same with room for `absolute` more: for results that cancel to nothing.
inline Tolerance operator+(Tolerance tolerance, double absolute) {
  return {tolerance.relative, tolerance.absolute + absolute};
}

inline double root_mean_square(const Values& values) {
  double total = 0;
  std::int64_t count = 0;
  for (double value : values)
    if (std::isfinite(value)) total += value * value, ++count;
  return count == 0 ? 0 : std::sqrt(total / static_cast<double>(count));
}

// NaN is close to NaN alone, an infinity to itself alone.
inline ::testing::AssertionResult close(const Values& got, const Values& want, Tolerance tolerance) {
  if (got.size() != want.size())
    return ::testing::AssertionFailure() << "expected " << want.size() << " elements, found " << got.size();
  const double scale = root_mean_square(want);
  double worst = 0;
  std::size_t worst_at = 0, wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
    const double allowed = tolerance.relative * std::max(std::abs(want[i]), scale) + tolerance.absolute;
    const double excess = std::abs(got[i] - want[i]) / allowed;  // NaN or infinite where either is
    if (excess <= 1) continue;
    ++wrong;
    const double badness = std::isnan(excess) ? HUGE_VAL : excess;
    if (wrong == 1 || badness > worst) worst = badness, worst_at = i;
  }
  if (wrong == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << wrong << " of " << got.size() << " elements differ; worst at " << worst_at
                                       << ": got " << got[worst_at] << ", want " << want[worst_at] << ", error "
                                       << std::abs(got[worst_at] - want[worst_at]) << " is " << worst
                                       << " times what relative " << tolerance.relative << " of an rms of " << scale
                                       << " allows";
}

inline ::testing::AssertionResult close(const Tensor& got, const Tensor& want, Tolerance tolerance) {
  if (got.shape() != want.shape())
    return ::testing::AssertionFailure() << "expected shape " << want.shape() << ", found " << got.shape();
  return close(values_of(got), values_of(want), tolerance);
}

// The same bytes.
inline ::testing::AssertionResult same_bits(const Tensor& got, const Tensor& want) {
  if (got.bytes() != want.bytes())
    return ::testing::AssertionFailure() << "expected " << want.bytes() << " bytes, found " << got.bytes();
  std::vector<std::uint8_t> left(static_cast<std::size_t>(got.bytes())), right(left.size());
  got.device().copy_to_host(left.data(), got.raw(), got.bytes());
  want.device().copy_to_host(right.data(), want.raw(), want.bytes());
  const auto differs = std::mismatch(left.begin(), left.end(), right.begin());
  if (differs.first == left.end()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "element " << (differs.first - left.begin()) / size_of(got.dtype())
                                       << " differs in its bits";
}

}  // namespace trireme::test
