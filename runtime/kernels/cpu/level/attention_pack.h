// Rows of heads, of any storage and stride, as fp32 tiles.
#pragma once

#include "runtime/kernels/cpu/level.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {

// Queries and keys are taken in tiles of this many.
inline constexpr std::int64_t tile = 64;

[[gnu::always_inline]] inline std::int64_t padded(std::int64_t count, std::int64_t to) {
  return (count + to - 1) / to * to;
}

// to (count, padded width) = factor * rows first ... first + count - 1; the padding is zero.
void pack_rows(float* to, const Head& head, std::int64_t first, std::int64_t count, std::int64_t width, float factor);
// to (padded width, tile) = the transposed rows first ... first + count - 1, count <= tile; the padding is zero.
void pack_columns(float* to, const Head& head, std::int64_t first, std::int64_t count, std::int64_t width);
// Rows first ... first + count - 1 of the head = from (count, padded width) * factors (one per row) * factor.
void unpack_rows(const Head& head, const float* from, std::int64_t first, std::int64_t count, std::int64_t width,
                 const float* factors, float factor);
// sums[i] = the dot product of row first + i of x with that of y.
void row_dots(float* sums, const Head& x, const Head& y, std::int64_t first, std::int64_t count, std::int64_t width);

}  // namespace trireme::cpu::TRIREME_LEVEL
