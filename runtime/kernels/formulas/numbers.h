// What formulas ask of a number type, for float and double. Formulas are templates over a number: the vector lanes of
// the CPU kernels, which bring functions of the same names along, float in CUDA kernels, and float and double in tests
// against the reference. Where CUDA compiles them, constexpr functions are for the device too.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>

namespace trireme::formulas {

// `value` as a number of x's type, in every lane.
template <std::floating_point N>
[[gnu::always_inline]] constexpr N like(N, float value) {
  return static_cast<N>(value);
}

// a where x > y (x < y), else b.
template <std::floating_point N>
[[gnu::always_inline]] constexpr N if_greater(N x, N y, N a, N b) {
  return x > y ? a : b;
}
template <std::floating_point N>
[[gnu::always_inline]] constexpr N if_less(N x, N y, N a, N b) {
  return x < y ? a : b;
}

// y where either is NaN.
template <std::floating_point N>
[[gnu::always_inline]] constexpr N larger(N x, N y) {
  return x > y ? x : y;
}
template <std::floating_point N>
[[gnu::always_inline]] constexpr N smaller(N x, N y) {
  return x < y ? x : y;
}

template <std::floating_point N>
[[gnu::always_inline]] constexpr N magnitude(N x) {
  return std::fabs(x);
}
// |x| with y's sign.
template <std::floating_point N>
[[gnu::always_inline]] constexpr N with_sign(N x, N y) {
  return std::copysign(x, y);
}

// The largest power of two that |x| reaches; 0 of subnormal numbers, infinite of what is not finite.
[[gnu::always_inline]] constexpr float power_below(float x) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7f800000u);
}

template <std::floating_point N>
[[gnu::always_inline]] constexpr N square_root(N x) {
  return std::sqrt(x);
}
template <std::floating_point N>
[[gnu::always_inline]] constexpr N exp(N x) {
  return std::exp(x);
}
// Natural logarithm of positive normal numbers.
template <std::floating_point N>
[[gnu::always_inline]] constexpr N log_of_normal(N x) {
  return std::log(x);
}

}  // namespace trireme::formulas
