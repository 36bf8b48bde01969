// A number that is multiplied by a slope below zero (0 is a ReLU), over any number type (numbers.h).
#pragma once

#include "runtime/kernels/formulas/numbers.h"

namespace trireme::formulas {

template <class N>
[[gnu::always_inline]] constexpr N sloped(N x, float slope) {
  const N zero = like(x, 0.0f);
  return slope == 0.0f ? if_less(x, zero, zero, x) : if_less(x, zero, slope * x, x);  // 0 times infinity is no number
}

// The share of a gradient that reaches x, by the sign of x or of sloped(x).
template <class N>
[[gnu::always_inline]] constexpr N let_through(N x, float slope) {
  return if_greater(x, like(x, 0.0f), like(x, 1.0f), like(x, slope));
}

}  // namespace trireme::formulas
