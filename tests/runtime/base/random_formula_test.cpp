// The fp32 formulas of random numbers against libm in double, over words that cover their range and its ends.
#include "runtime/base/random_formula.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "runtime/base/philox.h"

namespace trireme::test {
namespace {

std::vector<std::uint32_t> words() {
  std::vector<std::uint32_t> result;
  for (std::uint32_t step = 0; step < 4096; ++step) {  // both ends, and all around every quarter
    for (std::uint32_t quarter = 0; quarter < 4; ++quarter) {
      result.push_back((quarter << 30) + (step << 8));
      result.push_back((quarter << 30) - ((step + 1) << 8));
    }
  }
  for (std::uint64_t i = 0; i < 200000; ++i) result.push_back(random_word({1, 2}, i));
  return result;
}

double unit(std::uint32_t word) {
  return (static_cast<double>(word >> 8) + 0.5) * 0x1p-24;
}

TEST(RandomFormula, LogarithmOfTheUnitInterval) {
  for (std::uint32_t word : words()) {
    const double exact = std::log(unit(word));
    ASSERT_NEAR(double{log_of_unit(word)} / exact, 1, 4e-7) << word;
    ASSERT_GT(squared_radius(word), 0) << word;
  }
}

TEST(RandomFormula, DirectionsLieOnTheCircle) {
  for (std::uint32_t word : words()) {
    const double angle = 2 * std::numbers::pi * double{unit_float(word)};
    const Direction direction = direction_of(word);
    ASSERT_NEAR(direction.cosine, std::cos(angle), 2e-7) << word;
    ASSERT_NEAR(direction.sine, std::sin(angle), 2e-7) << word;
  }
  EXPECT_EQ(direction_of(0).sine, 0);
  EXPECT_EQ(direction_of(0x40000000u).sine, 1);
  EXPECT_EQ(direction_of(0x80000000u).cosine, -1);
  EXPECT_EQ(direction_of(0xc0000000u).sine, -1);
}

TEST(RandomFormula, TruncatedNormalInvertsItsDistribution) {
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
  for (std::uint32_t word : words()) {
    const double x = truncated_normal_of(word);
    ASSERT_LE(std::abs(x), 2) << word;
    // Distance from the true quantile, to first order.
    const double missed = (below(x) - below(-2)) / (below(2) - below(-2)) - unit(word);
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi) / (below(2) - below(-2));
    ASSERT_NEAR(missed / density, 0, 2e-6) << word;
  }
}

}  // namespace
}  // namespace trireme::test
