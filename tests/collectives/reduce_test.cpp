// The one place that adds: element by element against the scalar formula, for every dtype, every 16-bit pattern, with
// carries, at every alignment and length of the rest.
#include "collectives/host/reduce.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace trireme::test {
namespace {

using collectives::reduce;

template <class T>
std::vector<T> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(count);
  for (T& value : values) {
    const float unit = static_cast<float>(random() % 20'001) / 10'000.0f - 1.0f;
    if constexpr (std::is_integral_v<T>)
      value = static_cast<T>(random());
    else
      value = static_cast<T>(std::ldexp(unit, static_cast<int>(random() % 24) - 12));
  }
  return values;
}

template <class T>
constexpr bool is_short = std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>;
template <class T>
using SumOf = std::conditional_t<is_short<T>, float, T>;

template <class T>
SumOf<T> combine(SumOf<T> a, SumOf<T> b, Reduction reduction) {
  if constexpr (std::is_integral_v<T>) {
    using Wrapping = std::make_unsigned_t<T>;
    if (reduction == Reduction::sum) return static_cast<T>(static_cast<Wrapping>(a) + static_cast<Wrapping>(b));
  }
  if (reduction == Reduction::sum) return static_cast<SumOf<T>>(a + b);
  return (reduction == Reduction::max ? b > a : b < a) ? b : a;
}

template <class T>
const std::byte* bytes(const std::vector<T>& values, std::size_t from) {
  return reinterpret_cast<const std::byte*>(values.data() + from);
}

template <class T>
class Reduce : public ::testing::Test {};
using Types = ::testing::Types<float, double, BFloat16, Float16, std::int32_t, std::int64_t, std::uint8_t>;
TYPED_TEST_SUITE(Reduce, Types);

TYPED_TEST(Reduce, FollowsTheScalarFormulaInOrder) {
  using T = TypeParam;
  constexpr std::size_t most = 700;
  std::vector<std::vector<T>> copies;
  for (unsigned copy = 0; copy < 5; ++copy) copies.push_back(random_values<T>(most + 8, copy));
  for (Reduction reduction : {Reduction::sum, Reduction::max, Reduction::min})
    for (std::size_t sources : {1u, 2u, 3u, 5u})
      for (std::size_t count : {0u, 1u, 15u, 16u, 64u, 255u, 256u, 257u, 700u}) {
        const std::size_t shift = count % 7;
        std::vector<const std::byte*> from;
        for (std::size_t copy = 0; copy < sources; ++copy) from.push_back(bytes(copies[copy], shift));
        std::vector<T> first(count + 1, T{}), second(count + 1, T{});
        std::byte* const to[] = {reinterpret_cast<std::byte*>(first.data()),
                                 reinterpret_cast<std::byte*>(second.data())};
        reduce({.sources = from,
                .targets = to,
                .count = static_cast<std::int64_t>(count),
                .dtype = dtype_of<T>,
                .reduction = reduction});
        for (std::size_t i = 0; i < count; ++i) {
          auto sum = static_cast<SumOf<T>>(copies[0][shift + i]);
          for (std::size_t copy = 1; copy < sources; ++copy)
            sum = combine<T>(sum, static_cast<SumOf<T>>(copies[copy][shift + i]), reduction);
          const T expected = static_cast<T>(sum);
          ASSERT_EQ(std::memcmp(&first[i], &expected, sizeof expected), 0) << "element " << i << " of " << count;
          ASSERT_EQ(std::memcmp(&second[i], &expected, sizeof expected), 0) << "element " << i << " of " << count;
        }
        const T untouched{};
        ASSERT_EQ(std::memcmp(&first[count], &untouched, sizeof untouched), 0) << "wrote past the end";
      }
}

// Two halves joined by a carry have the bits of the whole.
TYPED_TEST(Reduce, CarriesAPartialSumUnrounded) {
  using T = TypeParam;
  constexpr std::size_t count = 333;
  std::vector<std::vector<T>> copies;
  for (unsigned copy = 0; copy < 4; ++copy) copies.push_back(random_values<T>(count, 10 + copy));
  const std::byte* const all[] = {bytes(copies[0], 0), bytes(copies[1], 0), bytes(copies[2], 0), bytes(copies[3], 0)};
  std::vector<T> whole(count), joined(count);
  std::vector<SumOf<T>> carry(count);
  std::byte* const to_whole = reinterpret_cast<std::byte*>(whole.data());
  std::byte* const to_joined = reinterpret_cast<std::byte*>(joined.data());
  auto* const carried = reinterpret_cast<std::byte*>(carry.data());
  reduce({.sources = all, .targets = {&to_whole, 1}, .count = count, .dtype = dtype_of<T>});
  reduce({.sources = {all, 2}, .targets = {}, .count = count, .dtype = dtype_of<T>, .carry_out = carried});
  reduce(
      {.sources = {all + 2, 2}, .targets = {&to_joined, 1}, .count = count, .dtype = dtype_of<T>, .carry_in = carried});
  EXPECT_EQ(std::memcmp(whole.data(), joined.data(), count * sizeof(T)), 0);
}

// Every one of the 65536 numbers, alone: widened and rounded back; and with a second term, against the scalar types.
template <class T>
void every_pattern() {
  std::vector<T> numbers(65536), other(65536), result(65536);
  const auto others = random_values<T>(65536, 3);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) numbers[bits].bits = static_cast<std::uint16_t>(bits);
  for (bool two : {false, true}) {
    const std::byte* const from[] = {bytes(numbers, 0), bytes(others, 0)};
    std::byte* const to = reinterpret_cast<std::byte*>(result.data());
    reduce({.sources = {from, two ? 2u : 1u}, .targets = {&to, 1}, .count = 65536, .dtype = dtype_of<T>});
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
      const float sum = static_cast<float>(numbers[bits]) + (two ? static_cast<float>(others[bits]) : -0.0f);
      const T expected(sum);
      if (std::isnan(sum))
        ASSERT_TRUE(std::isnan(static_cast<float>(result[bits]))) << bits;
      else
        ASSERT_EQ(result[bits].bits, expected.bits) << bits;
    }
  }
}
TEST(ReduceShort, EveryBFloat16) {
  every_pattern<BFloat16>();
}
TEST(ReduceShort, EveryFloat16) {
  every_pattern<Float16>();
}

// Rounding from fp32: ties, overflow, subnormals of the short types, infinities.
template <class T>
void every_rounding() {
  std::vector<float> carry;
  for (std::uint32_t bits = 0; bits < 0xffffffffu - 70'000u; bits += 65'521u)
    carry.push_back(std::bit_cast<float>(bits));
  for (std::uint32_t bits = 0; bits < 65536; ++bits)  // halfway between two neighbours, and next to it
    for (std::uint32_t step : {0x0fffu, 0x1000u, 0x1001u})
      carry.push_back(std::bit_cast<float>(((bits & 0x8000u) << 16) | (0x33000000u + ((bits & 0x7fffu) << 13) + step)));
  const std::vector<T> zeros(carry.size(), T(-0.0f));
  std::vector<T> result(carry.size());
  const std::byte* const from = bytes(zeros, 0);
  std::byte* const to = reinterpret_cast<std::byte*>(result.data());
  reduce({.sources = {&from, 1},
          .targets = {&to, 1},
          .count = static_cast<std::int64_t>(carry.size()),
          .dtype = dtype_of<T>,
          .carry_in = bytes(carry, 0)});
  for (std::size_t i = 0; i < carry.size(); ++i) {
    if (std::isnan(carry[i]))
      ASSERT_TRUE(std::isnan(static_cast<float>(result[i]))) << i;
    else
      ASSERT_EQ(result[i].bits, T(carry[i]).bits) << carry[i];
  }
}
TEST(ReduceShort, EveryRoundingToBFloat16) {
  every_rounding<BFloat16>();
}
TEST(ReduceShort, EveryRoundingToFloat16) {
  every_rounding<Float16>();
}

TEST(ReduceFloat, NaNInAnySourceGivesNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (Reduction reduction : {Reduction::sum, Reduction::max, Reduction::min})
    for (std::size_t bad = 0; bad < 3; ++bad) {
      std::vector<std::vector<float>> copies(3, std::vector<float>(70, 1.0f));
      copies[bad][5] = nan;   // in a block
      copies[bad][69] = nan;  // in the rest
      const std::byte* const from[] = {bytes(copies[0], 0), bytes(copies[1], 0), bytes(copies[2], 0)};
      std::vector<float> result(70);
      std::byte* const to = reinterpret_cast<std::byte*>(result.data());
      reduce({.sources = from, .targets = {&to, 1}, .count = 70, .dtype = DType::f32, .reduction = reduction});
      EXPECT_TRUE(std::isnan(result[5]));
      EXPECT_TRUE(std::isnan(result[69]));
      EXPECT_FALSE(std::isnan(result[6]));
    }
}

}  // namespace
}  // namespace trireme::test
