// exp and log on sixteen lanes: with those of lanes.h, the functions that formulas ask of a number.
#pragma once

#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {

inline constexpr float log2_e = 0x1.715476p+0f;
inline constexpr float ln_2 = 0x1.62e430p-1f;

// 2^(n + f) for whole n and |f| <= 1/2: minimax of degree 6, relative error 1e-7.
[[gnu::always_inline]] inline Floats power_of_two(Floats n, Floats f) {
  Floats p = all(0x1.44138ap-13f);
  p = p * f + 0x1.5f0890p-10f;
  p = p * f + 0x1.3b2a54p-7f;
  p = p * f + 0x1.c6af6cp-5f;
  p = p * f + 0x1.ebfbe0p-3f;
  p = p * f + 0x1.62e430p-1f;
  p = p * f + 1.0f;
  return scaled_by_power(p, n);
}

// 2^x for x <= 0; NaN stays NaN.
[[gnu::always_inline]] inline Floats exp2_of_nonpositive(Floats x) {
  const Floats bounded = larger(all(-150.0f), x);
  const Floats n = rounded_to_whole(bounded);
  return power_of_two(n, bounded - n);
}

// e^x for x <= 0, with an absolute error of 1e-7; NaN stays NaN.
[[gnu::always_inline]] inline Floats exp_of_nonpositive(Floats x) {
  return exp2_of_nonpositive(x * log2_e);
}

// e^x with a relative error of 2e-7; NaN stays NaN.
[[gnu::always_inline]] inline Floats exp(Floats x) {
  const Floats bounded = smaller(all(89.0f), larger(all(-104.0f), x));
  const Floats n = rounded_to_whole(bounded * log2_e);
  const Floats rest =
      (bounded - n * 0x1.62e400p-1f) - n * 0x1.7f7d1cp-20f;  // ln 2 in two parts, the first exact times n
  return power_of_two(n, rest * log2_e);
}

// Natural logarithm of positive normal numbers.
[[gnu::always_inline]] inline Floats log_of_normal(Floats x) {
  const Ints exponent = map([](NativeFloat a) { return ((NativeInt)a - 0x3f3504f3) >> 23; }, x);
  const Floats n = map([](NativeInt e) { return native_to_float(e); }, exponent);
  const Floats t =
      map([](NativeFloat a, NativeInt e) { return (NativeFloat)((NativeInt)a - (e << 23)); }, x, exponent) - 1.0f;
  Floats p = all(-0x1.43b246p-4f);  // minimax for (log(1 + t) - t + t^2 / 2) / t^3
  p = p * t + 0x1.02814ep-3f;
  p = p * t - 0x1.0a33eap-3f;
  p = p * t + 0x1.231ce6p-3f;
  p = p * t - 0x1.54d03ep-3f;
  p = p * t + 0x1.999f14p-3f;
  p = p * t - 0x1.0000cep-2f;
  p = p * t + 0x1.555554p-2f;
  const Floats square = t * t;
  return n * ln_2 + (t + (square * t * p - 0.5f * square));
}

}  // namespace trireme::cpu::TRIREME_LEVEL
