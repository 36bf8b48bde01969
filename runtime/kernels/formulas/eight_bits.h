// Numbers of 8 bits as a factor of a product sees them (Micikevicius et al. 2022, FP8 Formats for Deep Learning,
// arXiv:2209.05433), over any number type of single precision (numbers.h): rounding, and the scale of a tensor.
#pragma once

#include <cmath>
#include <limits>

#include "runtime/base/host_device.h"
#include "runtime/kernels/formulas/numbers.h"
#include "runtime/kernels/kernels.h"

namespace trireme::formulas {

struct EightBitFormat {
  int mantissa = 3;           // bits after the point
  int limit_exponent = 9;     // the largest number is 0.875 times 2^limit_exponent
  float least_normal = 0.0f;  // below it numbers are evenly spaced
};
TRIREME_HOST_DEVICE constexpr EightBitFormat format_of(EightBits format) {
  return format == EightBits::e5m2 ? EightBitFormat{.mantissa = 2, .limit_exponent = 16, .least_normal = 0x1p-14f}
                                   : EightBitFormat{.mantissa = 3, .limit_exponent = 9, .least_normal = 0x1p-6f};
}

// The power of two that brings `largest`, a magnitude, just below the format's largest number. Since it is one, it
// changes which numbers are evenly spaced (those below 2^-13 of the largest) and rounds no other differently: parts of
// a tensor may have scales of their own, and ranks need not agree on one.
TRIREME_HOST_DEVICE inline int power_for(float largest, int limit_exponent) {
  if (!(largest > 0.0f) || std::isinf(largest)) return 0;
  int exponent = 0;
  const float fraction = std::frexp(largest, &exponent);  // in [0.5, 1)
  const int power = limit_exponent - exponent - (fraction > 0.875f ? 1 : 0);
  return power < -126 ? -126 : power > 126 ? 126 : power;
}

// What elements are multiplied with before they are rounded, and afterwards.
struct EightBitScale {
  float before = 1.0f;
  float after = 1.0f;  // NaN where the largest magnitude is infinite, so that the infinity is not lost
};
TRIREME_HOST_DEVICE inline EightBitScale scale_for(float largest, EightBits format) {
  const int power = power_for(largest, format_of(format).limit_exponent);
  return {std::ldexp(1.0f, power),
          std::isinf(largest) ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, -power)};
}

// x, no larger than the format's largest number, rounded to nearest even; NaN stays NaN. Adding 1.5 times 2^23 units
// makes the addition round to whole ones.
template <class N>
[[gnu::always_inline]] constexpr N to_eight_bits(N x, EightBitFormat format) {
  const N power = larger(like(x, format.least_normal), power_below(x));
  const N shift = power * (12582912.0f / static_cast<float>(1 << format.mantissa));
  return (x + shift) - shift;
}

}  // namespace trireme::formulas
