// Native vectors of every x86-64 processor: SSE2, four pieces of 4 floats.
#pragma once

#include <emmintrin.h>

#include <cstdint>

namespace trireme::cpu::TRIREME_LEVEL {

inline constexpr char level_name[] = "SSE2";

// GCC vectors: operators work element by element.
using NativeFloat = float __attribute__((vector_size(16)));
using NativeInt = std::int32_t __attribute__((vector_size(16)));
inline constexpr int native_lanes = 4;
// Tile of accumulators in attention's products: rows x columns (in native vectors) that fill the registers.
inline constexpr int tile_rows = 6, tile_vectors = 2;

// 16 lanes as native pieces; `map` applies an operation piece by piece, `pieces` builds them from element offsets.
template <class Piece>
struct Lanes {
  Piece a, b, c, d;
};
template <class Piece>
Lanes(Piece, Piece, Piece, Piece) -> Lanes<Piece>;
template <class Op, class... Piece>
[[gnu::always_inline]] inline auto map(Op op, Lanes<Piece>... x) {
  return Lanes{op(x.a...), op(x.b...), op(x.c...), op(x.d...)};
}
template <class Get>
[[gnu::always_inline]] inline auto pieces(Get get) {
  return Lanes{get(0), get(4), get(8), get(12)};
}
template <class Piece, class Put>
[[gnu::always_inline]] inline void for_pieces(Lanes<Piece> x, Put put) {
  put(0, x.a), put(4, x.b), put(8, x.c), put(12, x.d);
}

[[gnu::always_inline]] inline NativeFloat native_all(float x) {
  return _mm_set1_ps(x);
}
[[gnu::always_inline]] inline NativeFloat native_load(const float* p) {
  return _mm_loadu_ps(p);
}
[[gnu::always_inline]] inline void native_store(float* p, NativeFloat x) {
  _mm_storeu_ps(p, x);
}
[[gnu::always_inline]] inline NativeInt native_load_u16(const std::uint16_t* p) {
  const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return (NativeInt)_mm_unpacklo_epi16(halves, _mm_setzero_si128());
}
// The low halves of the elements.
[[gnu::always_inline]] inline void native_store_u16(std::uint16_t* p, NativeInt x) {
  const NativeInt extended = (x << 16) >> 16;  // what the signed pack keeps
  const __m128i packed = _mm_packs_epi32((__m128i)extended, (__m128i)extended);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), packed);
}
[[gnu::always_inline]] inline NativeFloat select(NativeInt mask, NativeFloat x, NativeFloat y) {
  return (NativeFloat)((mask & (NativeInt)x) | (~mask & (NativeInt)y));
}
// binary16 to fp32: moved to fp32's places the exponent is 112 short; infinities and NaNs take the highest.
[[gnu::always_inline]] inline NativeFloat native_load_half(const std::uint16_t* p) {
  const NativeInt bits = native_load_u16(p);
  const NativeInt magnitude = (bits & 0x7fff) << 13;
  const NativeFloat finite = (NativeFloat)magnitude * 0x1p112f;
  const NativeInt special = magnitude >= 0x0f800000;
  const NativeFloat value = select(special, (NativeFloat)(magnitude | 0x7f800000), finite);
  return (NativeFloat)((NativeInt)value | ((bits & 0x8000) << 16));
}
// Rounds to nearest even: for subnormals by adding a float whose last place is theirs, else in the integer.
[[gnu::always_inline]] inline void native_store_half(std::uint16_t* p, NativeFloat x) {
  const NativeInt raw = (NativeInt)x;
  const NativeInt magnitude = raw & 0x7fffffff;
  const NativeFloat shifter = NativeFloat{} + 0.5f;  // its last place is 2^-24
  const NativeInt small = (NativeInt)((NativeFloat)magnitude + shifter) - (NativeInt)shifter;
  const NativeInt normal = (magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const NativeInt is_small = magnitude < 0x38800000;
  NativeInt half = (is_small & small) | (~is_small & normal);
  const NativeInt is_large = magnitude >= 0x477ff000;
  half = (is_large & 0x7c00) | (~is_large & half);
  const NativeInt is_nan = magnitude > 0x7f800000;
  half = (is_nan & 0x7e00) | (~is_nan & half);
  native_store_u16(p, half | ((raw >> 16) & 0x8000));
}
// b where either is NaN.
[[gnu::always_inline]] inline NativeFloat native_max(NativeFloat a, NativeFloat b) {
  return _mm_max_ps(a, b);
}
[[gnu::always_inline]] inline NativeFloat native_min(NativeFloat a, NativeFloat b) {
  return _mm_min_ps(a, b);
}
[[gnu::always_inline]] inline NativeFloat native_sqrt(NativeFloat x) {
  return _mm_sqrt_ps(x);
}
[[gnu::always_inline]] inline NativeInt native_to_int(NativeFloat x) {
  return (NativeInt)_mm_cvtps_epi32(x);
}
[[gnu::always_inline]] inline NativeFloat native_to_float(NativeInt x) {
  return _mm_cvtepi32_ps((__m128i)x);
}
// To the nearest integer; |x| < 2^31.
[[gnu::always_inline]] inline NativeFloat native_round(NativeFloat x) {
  return native_to_float(native_to_int(x));
}
// x 2^n for an integer n; results below the normal range may become 0.
[[gnu::always_inline]] inline NativeFloat native_scale(NativeFloat x, NativeFloat n) {
  const NativeFloat power = (NativeFloat)((native_to_int(n) + 127) << 23);
  return select(n <= -127.0f, NativeFloat{}, x * power);
}

// Pairs of 64 bits, for random numbers: the product of the low halves, and the elements of a and b in turn.
using NativeLong = std::uint64_t __attribute__((vector_size(16)));
[[gnu::always_inline]] inline NativeLong native_multiply_low(NativeLong a, NativeLong b) {
  return (NativeLong)_mm_mul_epu32((__m128i)a, (__m128i)b);
}
[[gnu::always_inline]] inline void native_interleave(NativeLong* to, NativeLong a, NativeLong b) {
  to[0] = (NativeLong)_mm_unpacklo_epi64((__m128i)a, (__m128i)b);
  to[1] = (NativeLong)_mm_unpackhi_epi64((__m128i)a, (__m128i)b);
}

// Folds 16 lanes in halves: (i, i + 8), (i, i + 4), (i, i + 2), (0, 1). The same order at every level.
template <class Op>
[[gnu::always_inline]] inline float fold(Op op, Lanes<NativeFloat> x) {
  const __m128 four = op((__m128)op(x.a, x.c), (__m128)op(x.b, x.d));
  const __m128 two = op(four, _mm_movehl_ps(four, four));
  return op(two, _mm_shuffle_ps(two, two, 1))[0];
}

}  // namespace trireme::cpu::TRIREME_LEVEL
