// exp, log and the activations on sixteen lanes, and their derivatives.
#pragma once

#include "runtime/kernels/cpu/level/lanes.h"
#include "runtime/kernels/kernels.h"

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

[[gnu::always_inline]] inline Floats logistic(Floats x) {
  return 1.0f / (1.0f + exp(-x));
}

[[gnu::always_inline]] inline Floats hyperbolic_tangent(Floats x) {
  const Floats size = magnitude(x);
  const Floats far = 1.0f - 2.0f / (1.0f + exp(size + size));
  const Floats y = x * x;
  Floats p = all(-0x1.8f8de4p-8f);  // minimax for (tanh(x) / x - 1) / x^2, |x| <= 0.625
  p = p * y + 0x1.58048ep-6f;
  p = p * y - 0x1.b9258ap-5f;
  p = p * y + 0x1.110e1cp-3f;
  p = p * y - 0x1.555552p-2f;
  return if_less(size, all(0.625f), x + x * y * p, with_sign(far, x));
}

// The share of x that gelu lets through: (1 + tanh(u)) / 2 = logistic(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
// (Hendrycks & Gimpel 2016).
[[gnu::always_inline]] inline Floats gelu_share(Floats x) {
  constexpr float twice = 1.5957691216057308f;
  const Floats x2 = x * x;
  return logistic(x * (twice + (twice * 0.044715f) * x2));
}

template <Activation activation>
[[gnu::always_inline]] inline Floats activated(Floats x) {
  if constexpr (activation == Activation::relu) return if_less(x, zeros(), zeros(), x);
  if constexpr (activation == Activation::leaky_relu) return if_less(x, zeros(), leaky_slope * x, x);
  if constexpr (activation == Activation::gelu) return x * gelu_share(x);
  if constexpr (activation == Activation::silu) return x * logistic(x);
  if constexpr (activation == Activation::sigmoid) return logistic(x);
  if constexpr (activation == Activation::tanh) return hyperbolic_tangent(x);
  return x;
}

// d activated(x) / dx.
template <Activation activation>
[[gnu::always_inline]] inline Floats slope(Floats x) {
  if constexpr (activation == Activation::relu) return if_greater(x, zeros(), all(1.0f), zeros());
  if constexpr (activation == Activation::leaky_relu) return if_greater(x, zeros(), all(1.0f), all(leaky_slope));
  if constexpr (activation == Activation::gelu) {
    constexpr float twice = 1.5957691216057308f;
    const Floats share = gelu_share(x);
    const Floats near = smaller(all(16.0f), larger(all(-16.0f), x));  // beyond, share (1 - share) is 0
    return share + share * (1.0f - share) * (near * (twice + (3 * twice * 0.044715f) * (near * near)));
  }
  if constexpr (activation == Activation::silu) {
    const Floats share = logistic(x);
    return share * (1.0f + x * (1.0f - share));
  }
  if constexpr (activation == Activation::sigmoid) {
    const Floats y = logistic(x);
    return y * (1.0f - y);
  }
  if constexpr (activation == Activation::tanh) {
    const Floats y = hyperbolic_tangent(x);
    return 1.0f - y * y;
  }
  return all(1.0f);
}

// Calls visit with the activation as a compile-time constant: visit(Choice<activation>{}).
template <Activation activation>
struct Choice {
  static constexpr Activation value = activation;
};
template <class Visit>
[[gnu::always_inline]] inline void with_activation(Activation activation, Visit&& visit) {
  switch (activation) {
    case Activation::identity: return visit(Choice<Activation::identity>{});
    case Activation::relu: return visit(Choice<Activation::relu>{});
    case Activation::leaky_relu: return visit(Choice<Activation::leaky_relu>{});
    case Activation::gelu: return visit(Choice<Activation::gelu>{});
    case Activation::silu: return visit(Choice<Activation::silu>{});
    case Activation::sigmoid: return visit(Choice<Activation::sigmoid>{});
    case Activation::tanh: return visit(Choice<Activation::tanh>{});
  }
}

}  // namespace trireme::cpu::TRIREME_LEVEL
