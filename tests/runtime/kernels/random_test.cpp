#include <algorithm>
#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

constexpr Distribution distributions[] = {Distribution::normal, Distribution::uniform, Distribution::truncated_normal};

class Random : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Random, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Random, AgreesForEveryDistributionAndOffset) {
  for (Distribution distribution : distributions) {
    for (std::int64_t size : odd_sizes) {
      for (std::int64_t first : {std::int64_t{0}, std::int64_t{1}, std::int64_t{7}, (std::int64_t{1} << 34) + 2}) {
        const RandomFill how{.distribution = distribution, .a = 0.25f, .b = 2.0f, .key = {99, 5}, .first = first};
        Argument y = output({size});
        both([&](Kernels& k, Side s) { k.random(y[s], how); });
        EXPECT_TRUE(agrees(y, one_rounding())) << static_cast<int>(distribution) << " " << size << " from " << first;
      }
    }
  }
}

TEST_P(Random, ASliceIsBornWithItsOwnNumbers) {
  for (Distribution distribution : distributions) {
    RandomFill how{.distribution = distribution, .key = {3, 4}};
    Tensor whole = empty(device(), {301}, dtype());
    tested().random(whole, how);
    for (std::int64_t begin : {1, 2, 63, 130}) {
      Tensor slice = empty(device(), {301 - begin}, dtype());
      how.first = begin;
      tested().random(slice, how);
      EXPECT_TRUE(same_bits(slice, whole.range(begin, 301))) << static_cast<int>(distribution) << " from " << begin;
    }
  }
}

// A block of columns of a matrix, and one that starts at an odd number.
TEST_P(Random, RunsAreBornWithTheirOwnNumbers) {
  for (Distribution distribution : distributions) {
    RandomFill how{.distribution = distribution, .a = 0.5f, .b = 3.0f, .key = {3, 4}};
    constexpr std::int64_t rows = 9, columns = 37;
    Tensor whole = empty(device(), {rows, columns}, dtype());
    tested().random(whole, how);
    const Values all = values_of(whole);
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 16}, {16, 37}, {5, 6}}) {
      how.first = begin;
      how.runs = {.length = end - begin, .stride = columns};
      Argument part = output({rows, end - begin});
      both([&](Kernels& k, Side s) { k.random(part[s], how); });
      EXPECT_TRUE(agrees(part, one_rounding())) << static_cast<int>(distribution) << " from " << begin;
      Values wanted;
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = begin; c < end; ++c) wanted.push_back(all[static_cast<std::size_t>(r * columns + c)]);
      EXPECT_EQ(values_of(part[Side::tested]), wanted) << static_cast<int>(distribution) << " from " << begin;
    }
  }
}

TEST_P(Random, HasTheMomentsAndBoundsOfItsDistribution) {
  constexpr std::int64_t size = 100000;
  struct Expected {
    Distribution distribution;
    float a, b;
    double mean, deviation, low, high;
  };
  // The deviation of a standard normal cut at +-2 is sqrt(1 - 4 phi(2) / (Phi(2) - Phi(-2))) = 0.879626.
  const Expected table[] = {{Distribution::normal, 1, 2, 1, 2, -10, 12},
                            {Distribution::uniform, -1, 3, 1, 4 / std::sqrt(12.0), -1, 3},
                            {Distribution::truncated_normal, 1, 2, 1, 2 * 0.879626, -3, 5}};
  for (const Expected& expected : table) {
    Tensor y = empty(device(), {size}, dtype());
    tested().random(y, {.distribution = expected.distribution, .a = expected.a, .b = expected.b, .key = {11, 12}});
    const Values values = values_of(y);
    double mean = 0, variance = 0;
    for (double value : values) mean += value / size;
    for (double value : values) variance += (value - mean) * (value - mean) / size;
    EXPECT_NEAR(mean, expected.mean, 5 * expected.deviation / std::sqrt(double{size}));
    EXPECT_NEAR(std::sqrt(variance), expected.deviation, 0.02 * expected.deviation);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    EXPECT_GE(*least, expected.low);
    EXPECT_LE(*most, expected.high);
    EXPECT_LT(*least, expected.mean - 1.5 * expected.deviation);
    EXPECT_GT(*most, expected.mean + 1.5 * expected.deviation);
  }
}

TEST_P(Random, OtherKeysGiveOtherNumbers) {
  Tensor y = empty(device(), {64}, dtype()), other = empty(device(), {64}, dtype());
  tested().random(y, {.key = {1, 2}});
  for (RandomKey key :
       {RandomKey{2, 2}, RandomKey{1, 3}, RandomKey{(1ull << 32) + 1, 2}, RandomKey{1, (1ull << 32) + 2}}) {
    tested().random(other, {.key = key});
    EXPECT_FALSE(same_bits(y, other)) << key.seed << " " << key.stream;
  }
}

}  // namespace
}  // namespace trireme::test
