// Native vectors of x86-64-v4: AVX-512, one piece of 16 floats.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace trireme::cpu::TRIREME_LEVEL {

inline constexpr char level_name[] = "AVX-512";

// GCC vectors: operators work element by element.
using NativeFloat = float __attribute__((vector_size(64)));
using NativeInt = std::int32_t __attribute__((vector_size(64)));
inline constexpr int native_lanes = 16;
// Tile of accumulators in attention's products: rows x columns (in native vectors) that fill the registers.
inline constexpr int tile_rows = 6, tile_vectors = 4;

// 16 lanes as native pieces; `map` applies an operation piece by piece, `pieces` builds them from element offsets.
template <class Piece>
struct Lanes {
  Piece a;
};
template <class Piece>
Lanes(Piece) -> Lanes<Piece>;
template <class Op, class... Piece>
[[gnu::always_inline]] inline auto map(Op op, Lanes<Piece>... x) {
  return Lanes{op(x.a...)};
}
template <class Get>
[[gnu::always_inline]] inline auto pieces(Get get) {
  return Lanes{get(0)};
}
template <class Piece, class Put>
[[gnu::always_inline]] inline void for_pieces(Lanes<Piece> x, Put put) {
  put(0, x.a);
}

[[gnu::always_inline]] inline NativeFloat native_all(float x) {
  return _mm512_set1_ps(x);
}
[[gnu::always_inline]] inline NativeFloat native_load(const float* p) {
  return _mm512_loadu_ps(p);
}
[[gnu::always_inline]] inline void native_store(float* p, NativeFloat x) {
  _mm512_storeu_ps(p, x);
}
[[gnu::always_inline]] inline NativeInt native_load_u16(const std::uint16_t* p) {
  return (NativeInt)_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// The low halves of the elements.
[[gnu::always_inline]] inline void native_store_u16(std::uint16_t* p, NativeInt x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16((__m512i)x));
}
[[gnu::always_inline]] inline NativeFloat native_load_half(const std::uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
[[gnu::always_inline]] inline void native_store_half(std::uint16_t* p, NativeFloat x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
// b where either is NaN.
[[gnu::always_inline]] inline NativeFloat native_max(NativeFloat a, NativeFloat b) {
  return _mm512_max_ps(a, b);
}
[[gnu::always_inline]] inline NativeFloat native_min(NativeFloat a, NativeFloat b) {
  return _mm512_min_ps(a, b);
}
[[gnu::always_inline]] inline NativeFloat native_sqrt(NativeFloat x) {
  return _mm512_sqrt_ps(x);
}
// To the nearest integer.
[[gnu::always_inline]] inline NativeFloat native_round(NativeFloat x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// x 2^n for an integer n; results below the normal range may become 0.
[[gnu::always_inline]] inline NativeFloat native_scale(NativeFloat x, NativeFloat n) {
  return _mm512_scalef_ps(x, n);
}
[[gnu::always_inline]] inline NativeInt native_to_int(NativeFloat x) {
  return (NativeInt)_mm512_cvtps_epi32(x);
}
[[gnu::always_inline]] inline NativeFloat native_to_float(NativeInt x) {
  return _mm512_cvtepi32_ps((__m512i)x);
}

// Pairs of 64 bits, for random numbers: the product of the low halves, and the elements of a and b in turn.
using NativeLong = std::uint64_t __attribute__((vector_size(64)));
[[gnu::always_inline]] inline NativeLong native_multiply_low(NativeLong a, NativeLong b) {
  return (NativeLong)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
[[gnu::always_inline]] inline void native_interleave(NativeLong* to, NativeLong a, NativeLong b) {
  const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  to[0] = (NativeLong)_mm512_permutex2var_epi64((__m512i)a, low, (__m512i)b);
  to[1] = (NativeLong)_mm512_permutex2var_epi64((__m512i)a, high, (__m512i)b);
}

// Folds 16 lanes in halves: (i, i + 8), (i, i + 4), (i, i + 2), (0, 1). The same order at every level.
template <class Op>
[[gnu::always_inline]] inline float fold(Op op, Lanes<NativeFloat> x) {
  const __m256 eight = op(_mm512_castps512_ps256(x.a), _mm512_extractf32x8_ps(x.a, 1));
  const __m128 four = op(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = op(four, _mm_movehl_ps(four, four));
  return op(two, _mm_shuffle_ps(two, two, 1))[0];
}

}  // namespace trireme::cpu::TRIREME_LEVEL
