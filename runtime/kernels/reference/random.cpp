#include <cmath>
#include <numbers>

#include "runtime/base/error.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// (0, 1), symmetric about one half: the middles of the 2^24 intervals of unit_float.
double open_unit(std::uint32_t word) {
  return double{unit_float(word)} + 0x1p-25;
}

// Box & Muller 1958: words 2 p and 2 p + 1 give elements 2 p (cosine) and 2 p + 1 (sine).
double standard_normal(RandomKey key, std::uint64_t element) {
  const std::uint64_t pair = element / 2 * 2;
  const double radius = std::sqrt(-2 * std::log(open_unit(random_word(key, pair))));
  const double angle = 2 * std::numbers::pi * double{unit_float(random_word(key, pair + 1))};
  return radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

double normal_below(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

// The inverse of the distribution function between its values at -2 and 2, found by Newton's method.
double truncated_normal(double unit) {
  const double wanted = normal_below(-2) + unit * (normal_below(2) - normal_below(-2));
  double x = 0;
  for (int round = 0; round < 30; ++round) {
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    x -= (normal_below(x) - wanted) / density;
    x = std::fmin(std::fmax(x, -2), 2);
  }
  return x;
}

double drawn(const RandomFill& how, std::uint64_t element) {
  const double a = how.a, b = how.b;
  switch (how.distribution) {
    case Distribution::uniform: return a + (b - a) * double{unit_float(random_word(how.key, element))};
    case Distribution::normal: return a + b * standard_normal(how.key, element);
    case Distribution::truncated_normal: return a + b * truncated_normal(open_unit(random_word(how.key, element)));
  }
  fail("random", "expected a distribution, found number", static_cast<int>(how.distribution));
}

}  // namespace

void ReferenceKernels::random(Tensor& y, const RandomFill& how) {
  Values values(static_cast<std::size_t>(y.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = drawn(how, static_cast<std::uint64_t>(how.first + how.runs.number(static_cast<std::int64_t>(i))));
  store(y, values);
}

}  // namespace trireme::reference
