// gpu/eight_bits.h for the emulator.
#pragma once

#include <cmath>
#include <cstdint>

#include "runtime/kernels/cuda/gemm/problem.h"

namespace trireme::cuda {

// The numbers of a format of 8 bits without its sign: `mantissa` bits after the point, and the exponent's bias.
struct Format8 {
  int mantissa, bias;
  std::uint8_t largest, nan;
};
constexpr Format8 format_of(Element format) {
  return format == Element::e4m3 ? Format8{3, 7, 0x7e, 0x7f} : Format8{2, 15, 0x7b, 0x7e};
}

inline float from_float8(Element element, std::uint8_t bits) {
  const Format8 format = format_of(element);
  const int magnitude = bits & 0x7f, exponent = magnitude >> format.mantissa;
  if (magnitude > format.largest) return NAN;
  const int fraction = magnitude & ((1 << format.mantissa) - 1), hidden = exponent == 0 ? 0 : 1 << format.mantissa;
  const float value =
      std::ldexp(static_cast<float>(hidden + fraction), (exponent == 0 ? 1 : exponent) - format.bias - format.mantissa);
  return (bits & 0x80) != 0 ? -value : value;
}

// The nearest by trying them all; of two that are equally near the even one.
template <Element element>
std::uint8_t to_float8(float x) {
  const Format8 format = format_of(element);
  const auto sign = static_cast<std::uint8_t>(std::signbit(x) ? 0x80 : 0);
  if (std::isnan(x)) return format.nan;
  std::uint8_t best = 0;
  double least = HUGE_VAL;
  for (int bits = 0; bits <= format.largest; ++bits) {
    const double distance =
        std::fabs(std::fabs(double{x}) - double{from_float8(element, static_cast<std::uint8_t>(bits))});
    if (distance < least || (distance == least && bits % 2 == 0)) {
      least = distance;
      best = static_cast<std::uint8_t>(bits);
    }
  }
  return static_cast<std::uint8_t>(best | sign);
}

}  // namespace trireme::cuda
