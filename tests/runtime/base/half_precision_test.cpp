// The two 16-bit formats against definitions of their own: all patterns, and every rounding boundary.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>

#include "runtime/base/dtype.h"

namespace trireme::test {
namespace {

struct Format {
  int mantissa_bits, exponent_bits;
};
constexpr Format f16_format{10, 5}, bf16_format{7, 8};

// The value of a pattern by the definition of IEEE 754: (-1)^s 2^(e - bias) 1.m, or 2^(1 - bias) 0.m.
double value_of(std::uint16_t bits, Format format) {
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const int exponent = (bits >> format.mantissa_bits) & ((1 << format.exponent_bits) - 1);
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << format.exponent_bits) - 1) return mantissa == 0 ? sign * HUGE_VAL : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - format.mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << format.mantissa_bits), exponent - bias - format.mantissa_bits);
}

template <class T>
void every_pattern_has_its_value_and_comes_back(Format format) {
  for (int pattern = 0; pattern < 65536; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    const auto value = static_cast<float>(std::bit_cast<T>(bits));
    const double expected = value_of(bits, format);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << std::hex << pattern;
      ASSERT_TRUE(std::isnan(static_cast<float>(T(value)))) << std::hex << pattern;
      continue;
    }
    ASSERT_EQ(double{value}, expected) << std::hex << pattern;
    ASSERT_EQ(std::signbit(value), std::signbit(expected)) << std::hex << pattern;
    ASSERT_EQ(T(value).bits, bits) << std::hex << pattern;
  }
}

// Between each pair of neighbours: just below the middle goes down, just above goes up, the middle to the even one.
template <class T>
void every_boundary_rounds_to_nearest_even(Format format) {
  const int infinity = ((1 << format.exponent_bits) - 1) << format.mantissa_bits;
  for (int pattern = 0; pattern < infinity; ++pattern) {
    const auto low = static_cast<std::uint16_t>(pattern), high = static_cast<std::uint16_t>(pattern + 1);
    const double below = value_of(low, format);
    // Infinity stands where the next number would.
    const double above = pattern + 1 == infinity ? 2 * below - value_of(static_cast<std::uint16_t>(pattern - 1), format)
                                                 : value_of(high, format);
    const auto middle = static_cast<float>((below + above) / 2);  // exact: one bit more
    for (int sign : {1, -1}) {
      const auto mark = static_cast<std::uint16_t>(sign < 0 ? 0x8000 : 0);
      const float towards_zero = static_cast<float>(sign) * std::nextafter(middle, 0.0f);
      const float away = static_cast<float>(sign) * std::nextafter(middle, HUGE_VALF);
      ASSERT_EQ(T(towards_zero).bits, low | mark) << std::hex << pattern;
      ASSERT_EQ(T(away).bits, high | mark) << std::hex << pattern;
      ASSERT_EQ(T(static_cast<float>(sign) * middle).bits, (pattern % 2 == 0 ? low : high) | mark)
          << std::hex << pattern;
    }
  }
}

TEST(HalfPrecision, EveryFloat16PatternHasItsValueAndComesBack) {
  every_pattern_has_its_value_and_comes_back<Float16>(f16_format);
}
TEST(HalfPrecision, EveryBFloat16PatternHasItsValueAndComesBack) {
  every_pattern_has_its_value_and_comes_back<BFloat16>(bf16_format);
}
TEST(HalfPrecision, EveryFloat16BoundaryRoundsToNearestEven) {
  every_boundary_rounds_to_nearest_even<Float16>(f16_format);
}
TEST(HalfPrecision, EveryBFloat16BoundaryRoundsToNearestEven) {
  every_boundary_rounds_to_nearest_even<BFloat16>(bf16_format);
}

TEST(HalfPrecision, NanStaysNanWhateverItsPayload) {
  for (std::uint32_t payload : {0x1u, 0xffffu, 0x1fffu, 0x400000u, 0x7fffffu}) {
    for (std::uint32_t sign : {0u, 0x80000000u}) {
      const auto nan = std::bit_cast<float>(sign | 0x7f800000u | payload);
      EXPECT_TRUE(std::isnan(static_cast<float>(Float16(nan)))) << std::hex << payload;
      EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(nan)))) << std::hex << payload;
    }
  }
}

TEST(HalfPrecision, Float16OverflowsFrom65520) {
  EXPECT_EQ(static_cast<float>(Float16(65519.99f)), 65504.0f);
  EXPECT_EQ(static_cast<float>(Float16(65520.0f)), HUGE_VALF);
  EXPECT_EQ(static_cast<float>(Float16(-1e30f)), -HUGE_VALF);
  EXPECT_EQ(Float16(0x1p-25f).bits, 0);
  EXPECT_EQ(Float16(0x1.000002p-25f).bits, 1);
}

}  // namespace
}  // namespace trireme::test
