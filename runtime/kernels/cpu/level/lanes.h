// Sixteen lanes, whatever the machine's vectors: one width, one order of summation, at every level.
// Everything under level/ is compiled once per level (x86-64-v4, v3 and base) into a namespace of that level; it uses
// no inline function of other headers that a linker could share between levels.
#pragma once

#include <cstdint>

#include "native.h"  // of the level being compiled
#include "runtime/base/dtype.h"

namespace trireme::cpu::TRIREME_LEVEL {

inline constexpr std::int64_t lanes = 16;
using NativeWord = std::uint32_t __attribute__((vector_size(sizeof(NativeFloat))));
using Floats = Lanes<NativeFloat>;
using Ints = Lanes<NativeInt>;
using Words = Lanes<NativeWord>;

[[gnu::always_inline]] inline Floats all(float value) {
  return pieces([=](int) { return native_all(value); });
}
[[gnu::always_inline]] inline Words all_words(std::uint32_t value) {
  return pieces([=](int) { return NativeWord{} + value; });
}
[[gnu::always_inline]] inline Floats zeros() {
  return all(0.0f);
}
[[gnu::always_inline]] inline Floats like(Floats, float value) {
  return all(value);
}

template <class P>
[[gnu::always_inline]] inline Lanes<P> operator+(Lanes<P> x, Lanes<P> y) {
  return map([](P a, P b) { return a + b; }, x, y);
}
template <class P>
[[gnu::always_inline]] inline Lanes<P> operator-(Lanes<P> x, Lanes<P> y) {
  return map([](P a, P b) { return a - b; }, x, y);
}
template <class P>
[[gnu::always_inline]] inline Lanes<P> operator*(Lanes<P> x, Lanes<P> y) {
  return map([](P a, P b) { return a * b; }, x, y);
}
template <class P>
[[gnu::always_inline]] inline Lanes<P> operator/(Lanes<P> x, Lanes<P> y) {
  return map([](P a, P b) { return a / b; }, x, y);
}
template <class P>
[[gnu::always_inline]] inline Lanes<P> operator-(Lanes<P> x) {
  return map([](P a) { return -a; }, x);
}
template <class P>
[[gnu::always_inline]] inline Lanes<P>& operator+=(Lanes<P>& x, Lanes<P> y) {
  return x = x + y;
}
[[gnu::always_inline]] inline Floats operator+(Floats x, float y) {
  return x + all(y);
}
[[gnu::always_inline]] inline Floats operator-(Floats x, float y) {
  return x - all(y);
}
[[gnu::always_inline]] inline Floats operator*(Floats x, float y) {
  return x * all(y);
}
[[gnu::always_inline]] inline Floats operator*(float x, Floats y) {
  return all(x) * y;
}
[[gnu::always_inline]] inline Floats operator+(float x, Floats y) {
  return all(x) + y;
}
[[gnu::always_inline]] inline Floats operator-(float x, Floats y) {
  return all(x) - y;
}
[[gnu::always_inline]] inline Floats operator/(float x, Floats y) {
  return all(x) / y;
}

// where(x, y, a, b): a where x > y, else b; comparison and choice together, as the instructions have them.
[[gnu::always_inline]] inline NativeFloat native_choice(NativeInt mask, NativeFloat a, NativeFloat b) {
  return mask ? a : b;
}
[[gnu::always_inline]] inline Floats if_greater(Floats x, Floats y, Floats a, Floats b) {
  return map([](NativeFloat p, NativeFloat q, NativeFloat r, NativeFloat s) { return native_choice(p > q, r, s); }, x,
             y, a, b);
}
[[gnu::always_inline]] inline Floats if_less(Floats x, Floats y, Floats a, Floats b) {
  return if_greater(y, x, a, b);
}

// y where either is NaN.
[[gnu::always_inline]] inline Floats larger(Floats x, Floats y) {
  return map([](NativeFloat a, NativeFloat b) { return native_max(a, b); }, x, y);
}
[[gnu::always_inline]] inline Floats smaller(Floats x, Floats y) {
  return map([](NativeFloat a, NativeFloat b) { return native_min(a, b); }, x, y);
}
[[gnu::always_inline]] inline Floats square_root(Floats x) {
  return map([](NativeFloat a) { return native_sqrt(a); }, x);
}
[[gnu::always_inline]] inline Floats rounded_to_whole(Floats x) {
  return map([](NativeFloat a) { return native_round(a); }, x);
}
// x 2^n, n whole.
[[gnu::always_inline]] inline Floats scaled_by_power(Floats x, Floats n) {
  return map([](NativeFloat a, NativeFloat b) { return native_scale(a, b); }, x, n);
}
[[gnu::always_inline]] inline Floats magnitude(Floats x) {
  return map([](NativeFloat a) { return (NativeFloat)((NativeInt)a & 0x7fffffff); }, x);
}
// The largest power of two that |x| reaches; 0 of subnormal numbers, infinite of what is not finite.
[[gnu::always_inline]] inline Floats power_below(Floats x) {
  return map([](NativeFloat a) { return (NativeFloat)((NativeInt)a & 0x7f800000); }, x);
}
// |x| with y's sign.
[[gnu::always_inline]] inline Floats with_sign(Floats x, Floats y) {
  return map([](NativeFloat a,
                NativeFloat b) { return (NativeFloat)(((NativeWord)a & 0x7fffffffu) | ((NativeWord)b & 0x80000000u)); },
             x, y);
}

[[gnu::always_inline]] inline float sum_of(Floats x) {
  return fold([](auto a, auto b) { return a + b; }, x);
}
[[gnu::always_inline]] inline float largest_of(Floats x) {
  return fold([](auto a, auto b) { return a > b ? a : b; }, x);
}

// How the elements of a tensor are stored.
struct F32 {
  using Element = float;
};
struct BF16 {
  using Element = std::uint16_t;
};
struct F16 {
  using Element = std::uint16_t;
};

// Rounds to nearest even; NaN stays NaN.
[[gnu::always_inline]] inline NativeInt native_bfloat(NativeFloat x) {
  const NativeWord raw = (NativeWord)x;
  const NativeWord nearest = (raw + 0x7fffu + ((raw >> 16) & 1u)) >> 16;
  const NativeWord nan = (raw >> 16) | 0x40u;
  return (NativeInt)((raw & 0x7fffffffu) > 0x7f800000u ? nan : nearest);
}

template <class S>
[[gnu::always_inline]] inline Floats load(const typename S::Element* p) {
  return pieces([=](int at) -> NativeFloat {
    if constexpr (__is_same(S, F32)) return native_load(p + at);
    if constexpr (__is_same(S, BF16)) return (NativeFloat)((NativeWord)native_load_u16(p + at) << 16);
    if constexpr (__is_same(S, F16)) return native_load_half(p + at);
  });
}
template <class S>
[[gnu::always_inline]] inline void store(typename S::Element* p, Floats x) {
  for_pieces(x, [=](int at, NativeFloat piece) {
    if constexpr (__is_same(S, F32)) native_store(p + at, piece);
    if constexpr (__is_same(S, BF16)) native_store_u16(p + at, native_bfloat(piece));
    if constexpr (__is_same(S, F16)) native_store_half(p + at, piece);
  });
}

// How many of the lanes are elements: all, or the first `count` at the end of a row (the others are read as zero).
struct Whole {};
struct Part {
  std::int64_t count;
};
template <class S>
[[gnu::always_inline]] inline Floats load(const typename S::Element* p, Whole) {
  return load<S>(p);
}
template <class S>
[[gnu::always_inline]] inline void store(typename S::Element* p, Floats x, Whole) {
  store<S>(p, x);
}
template <class S>
inline Floats load(const typename S::Element* p, Part part) {
  typename S::Element whole[lanes] = {};
  for (std::int64_t i = 0; i < part.count; ++i) whole[i] = p[i];
  return load<S>(whole);
}
template <class S>
inline void store(typename S::Element* p, Floats x, Part part) {
  typename S::Element whole[lanes];
  store<S>(whole, x);
  for (std::int64_t i = 0; i < part.count; ++i) p[i] = whole[i];
}
// `x` in the lanes that are elements, `other` elsewhere.
[[gnu::always_inline]] inline Floats only(Floats x, Whole, float) {
  return x;
}
inline Floats only(Floats x, Part part, float other) {
  float whole[lanes];
  store<F32>(whole, x);
  for (std::int64_t i = part.count; i < lanes; ++i) whole[i] = other;
  return load<F32>(whole);
}

// body(i, Whole) for every sixteen elements of [0, count), then body(i, Part) for the rest.
template <class Body>
[[gnu::always_inline]] inline void for_lanes(std::int64_t count, Body&& body) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(i, Whole{});
  if (i < count) body(i, Part{count - i});
}

// Calls visit(F32{}), visit(BF16{}) or visit(F16{}).
template <class Visit>
[[gnu::always_inline]] inline void with_storage(DType dtype, Visit&& visit) {
  if (dtype == DType::f32) return visit(F32{});
  if (dtype == DType::bf16) return visit(BF16{});
  visit(F16{});
}

}  // namespace trireme::cpu::TRIREME_LEVEL
