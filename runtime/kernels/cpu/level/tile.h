// Small matrix products for attention: c (+)= a b, b and c row-major with columns padded to sixteen, a of any strides.
#pragma once

#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {

struct Product {
  const float* a;  // a(i, k) = a[i * a_row + k * a_step]
  std::int64_t a_row, a_step;
  const float* b;  // b(k, j) = b[k * b_row + j]
  std::int64_t b_row;
  float* c;  // c(i, j) = c[i * c_row + j]
  std::int64_t c_row;
  std::int64_t rows, columns, depth;
  bool add = false;                // c = factors c + a b, else c = a b
  const float* factors = nullptr;  // one per row; null means 1
};

// rows x vectors accumulators in registers.
template <int rows, int vectors>
void product_tile(const Product& p, std::int64_t row, std::int64_t column) {
  NativeFloat sums[rows][vectors] = {};
  const float* a = p.a + row * p.a_row;
  const float* b = p.b + column;
  const std::int64_t a_row = p.a_row, a_step = p.a_step, b_row = p.b_row;
  for (std::int64_t k = p.depth; k > 0; --k, a += a_step, b += b_row) {
    NativeFloat right[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) right[v] = native_load(b + v * native_lanes);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const NativeFloat left = native_all(a[r * a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sums[r][v] += left * right[v];
    }
  }
  float* c = p.c + row * p.c_row + column;
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      float* to = c + r * p.c_row + v * native_lanes;
      NativeFloat value = sums[r][v];
      if (p.add) value += p.factors ? p.factors[row + r] * native_load(to) : native_load(to);
      native_store(to, value);
    }
}

using ProductTile = void (*)(const Product&, std::int64_t row, std::int64_t column);

// The tile for `rows` x `vectors`, both at least 1.
template <int rows = tile_rows, int vectors = tile_vectors>
[[gnu::always_inline]] inline ProductTile tile_for(std::int64_t wanted_rows, std::int64_t wanted_vectors) {
  if constexpr (rows > 1)
    if (wanted_rows < rows) return tile_for<rows - 1, vectors>(wanted_rows, wanted_vectors);
  if constexpr (vectors > 1)
    if (wanted_vectors < vectors) return tile_for<rows, vectors - 1>(wanted_rows, wanted_vectors);
  return product_tile<rows, vectors>;
}

// A panel of b stays in the first cache while the rows pass.
inline void multiply(const Product& p) {
  constexpr std::int64_t panel = tile_vectors * native_lanes;
  for (std::int64_t column = 0; column < p.columns; column += panel) {
    const std::int64_t vectors = (p.columns - column < panel ? p.columns - column : panel) / native_lanes;
    std::int64_t row = 0;
    const ProductTile whole = tile_for(tile_rows, vectors);
    for (; row + tile_rows <= p.rows; row += tile_rows) whole(p, row, column);
    if (row < p.rows) tile_for(p.rows - row, vectors)(p, row, column);
  }
}

}  // namespace trireme::cpu::TRIREME_LEVEL
