// The activations and their derivatives, over any number type (numbers.h).
#pragma once

#include "runtime/kernels/formulas/numbers.h"
#include "runtime/kernels/kernels.h"

namespace trireme::formulas {

template <class N>
[[gnu::always_inline]] constexpr N logistic(N x) {
  return 1.0f / (1.0f + exp(-x));
}

template <class N>
[[gnu::always_inline]] constexpr N hyperbolic_tangent(N x) {
  const N size = magnitude(x);
  const N far = 1.0f - 2.0f / (1.0f + exp(size + size));
  const N y = x * x;
  N p = like(x, -0x1.8f8de4p-8f);  // minimax for (tanh(x) / x - 1) / x^2, |x| <= 0.625
  p = p * y + 0x1.58048ep-6f;
  p = p * y - 0x1.b9258ap-5f;
  p = p * y + 0x1.110e1cp-3f;
  p = p * y - 0x1.555552p-2f;
  return if_less(size, like(x, 0.625f), x + x * y * p, with_sign(far, x));
}

// The share of x that gelu lets through: (1 + tanh(u)) / 2 = logistic(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
// (Hendrycks & Gimpel 2016).
template <class N>
[[gnu::always_inline]] constexpr N gelu_share(N x) {
  constexpr float twice = 1.5957691216057308f;
  const N x2 = x * x;
  return logistic(x * (twice + (twice * 0.044715f) * x2));
}

template <Activation activation, class N>
[[gnu::always_inline]] constexpr N activated(N x) {
  if constexpr (activation == Activation::relu) return if_less(x, like(x, 0.0f), like(x, 0.0f), x);
  if constexpr (activation == Activation::leaky_relu) return if_less(x, like(x, 0.0f), leaky_slope * x, x);
  if constexpr (activation == Activation::gelu) return x * gelu_share(x);
  if constexpr (activation == Activation::silu) return x * logistic(x);
  if constexpr (activation == Activation::sigmoid) return logistic(x);
  if constexpr (activation == Activation::tanh) return hyperbolic_tangent(x);
  return x;
}

// d activated(x) / dx.
template <Activation activation, class N>
[[gnu::always_inline]] constexpr N slope(N x) {
  if constexpr (activation == Activation::relu) return if_greater(x, like(x, 0.0f), like(x, 1.0f), like(x, 0.0f));
  if constexpr (activation == Activation::leaky_relu)
    return if_greater(x, like(x, 0.0f), like(x, 1.0f), like(x, leaky_slope));
  if constexpr (activation == Activation::gelu) {
    constexpr float twice = 1.5957691216057308f;
    const N share = gelu_share(x);
    const N near = smaller(like(x, 16.0f), larger(like(x, -16.0f), x));  // beyond, share (1 - share) is 0
    return share + share * (1.0f - share) * (near * (twice + (3 * twice * 0.044715f) * (near * near)));
  }
  if constexpr (activation == Activation::silu) {
    const N share = logistic(x);
    return share * (1.0f + x * (1.0f - share));
  }
  if constexpr (activation == Activation::sigmoid) {
    const N y = logistic(x);
    return y * (1.0f - y);
  }
  if constexpr (activation == Activation::tanh) {
    const N y = hyperbolic_tangent(x);
    return 1.0f - y * y;
  }
  return like(x, 1.0f);
}

// Calls visit with the activation as a compile-time constant: visit(Choice<activation>{}).
template <Activation activation>
struct Choice {
  static constexpr Activation value = activation;
};
template <class Visit>
[[gnu::always_inline]] constexpr void with_activation(Activation activation, Visit&& visit) {
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

}  // namespace trireme::formulas
