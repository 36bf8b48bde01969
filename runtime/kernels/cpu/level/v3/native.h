// Native vectors of x86-64-v3: AVX2, FMA and F16C, two pieces of 8 floats.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace trireme::cpu::TRIREME_LEVEL {

inline constexpr char level_name[] = "AVX2";

// GCC vectors: operators work element by element.
using NativeFloat = float __attribute__((vector_size(32)));
using NativeInt = std::int32_t __attribute__((vector_size(32)));
inline constexpr int native_lanes = 8;
// Tile of accumulators in attention's products: rows x columns (in native vectors) that fill the registers.
inline constexpr int tile_rows = 6, tile_vectors = 2;

// 16 lanes as native pieces; `map` applies an operation piece by piece, `pieces` builds them from element offsets.
template <class Piece>
struct Lanes {
  Piece a, b;
};
template <class Piece>
Lanes(Piece, Piece) -> Lanes<Piece>;
template <class Op, class... Piece>
[[gnu::always_inline]] inline auto map(Op op, Lanes<Piece>... x) {
  return Lanes{op(x.a...), op(x.b...)};
}
template <class Get>
[[gnu::always_inline]] inline auto pieces(Get get) {
  return Lanes{get(0), get(8)};
}
template <class Piece, class Put>
[[gnu::always_inline]] inline void for_pieces(Lanes<Piece> x, Put put) {
  put(0, x.a), put(8, x.b);
}

[[gnu::always_inline]] inline NativeFloat native_all(float x) {
  return _mm256_set1_ps(x);
}
[[gnu::always_inline]] inline NativeFloat native_load(const float* p) {
  return _mm256_loadu_ps(p);
}
[[gnu::always_inline]] inline void native_store(float* p, NativeFloat x) {
  _mm256_storeu_ps(p, x);
}
[[gnu::always_inline]] inline NativeInt native_load_u16(const std::uint16_t* p) {
  return (NativeInt)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
// The low halves of the elements.
[[gnu::always_inline]] inline void native_store_u16(std::uint16_t* p, NativeInt x) {
  const __m256i low = _mm256_and_si256((__m256i)x, _mm256_set1_epi32(0xffff));
  const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
}
[[gnu::always_inline]] inline NativeFloat native_load_half(const std::uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
[[gnu::always_inline]] inline void native_store_half(std::uint16_t* p, NativeFloat x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
// b where either is NaN.
[[gnu::always_inline]] inline NativeFloat native_max(NativeFloat a, NativeFloat b) {
  return _mm256_max_ps(a, b);
}
[[gnu::always_inline]] inline NativeFloat native_min(NativeFloat a, NativeFloat b) {
  return _mm256_min_ps(a, b);
}
[[gnu::always_inline]] inline NativeFloat native_sqrt(NativeFloat x) {
  return _mm256_sqrt_ps(x);
}
// To the nearest integer.
[[gnu::always_inline]] inline NativeFloat native_round(NativeFloat x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
[[gnu::always_inline]] inline NativeInt native_to_int(NativeFloat x) {
  return (NativeInt)_mm256_cvtps_epi32(x);
}
[[gnu::always_inline]] inline NativeFloat native_to_float(NativeInt x) {
  return _mm256_cvtepi32_ps((__m256i)x);
}
// x 2^n for an integer n; results below the normal range may become 0.
[[gnu::always_inline]] inline NativeFloat native_scale(NativeFloat x, NativeFloat n) {
  const NativeFloat power = (NativeFloat)((native_to_int(n) + 127) << 23);
  return n <= -127.0f ? NativeFloat{} : x * power;
}

// Pairs of 64 bits, for random numbers: the product of the low halves, and the elements of a and b in turn.
using NativeLong = std::uint64_t __attribute__((vector_size(32)));
[[gnu::always_inline]] inline NativeLong native_multiply_low(NativeLong a, NativeLong b) {
  return (NativeLong)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
[[gnu::always_inline]] inline void native_interleave(NativeLong* to, NativeLong a, NativeLong b) {
  const __m256i even = _mm256_unpacklo_epi64((__m256i)a, (__m256i)b),
                odd = _mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
  to[0] = (NativeLong)_mm256_permute2x128_si256(even, odd, 0x20);
  to[1] = (NativeLong)_mm256_permute2x128_si256(even, odd, 0x31);
}

// Folds 16 lanes in halves: (i, i + 8), (i, i + 4), (i, i + 2), (0, 1). The same order at every level.
template <class Op>
[[gnu::always_inline]] inline float fold(Op op, Lanes<NativeFloat> x) {
  const __m256 eight = op((__m256)x.a, (__m256)x.b);
  const __m128 four = op(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = op(four, _mm_movehl_ps(four, four));
  return op(two, _mm_shuffle_ps(two, two, 1))[0];
}

}  // namespace trireme::cpu::TRIREME_LEVEL
