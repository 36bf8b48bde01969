#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

constexpr std::int64_t panel = tile_vectors * native_lanes;

// Walks over regions of memory a line at a time, asking for each line early.
class Lookahead {
 public:
  Lookahead(const Region* regions, std::int64_t count, std::int64_t steps) : region_(regions), end_(regions + count) {
    std::int64_t lines = 0;
    for (const Region* r = region_; r != end_; ++r) lines += r->rows * (r->row_bytes / line + 1);
    per_step_ = steps == 0 ? 0 : (lines + steps - 1) / steps;
    if (per_step_ > most) per_step_ = most;
    if (region_ != end_) place_ = region_->data;
  }
  [[gnu::always_inline]] void step() {
    for (std::int64_t i = 0; i < per_step_ && region_ != end_; ++i) fetch();
  }

 private:
  static constexpr std::int64_t line = 64, most = 4;  // bytes; lines per step

  void fetch() {
    __builtin_prefetch(place_ + offset_, 0, 2);
    offset_ += line;
    if (offset_ < region_->row_bytes) return;
    offset_ = 0;
    place_ += region_->stride_bytes;
    if (++row_ < region_->rows) return;
    row_ = 0;
    if (++region_ != end_) place_ = region_->data;
  }

  const Region* region_;
  const Region* end_;
  const char* place_ = nullptr;
  std::int64_t offset_ = 0, row_ = 0, per_step_ = 0;
};

// The lines that a tile will write, fetched a row at a time while its sums are computed.
class OutputLines {
 public:
  void add(const void* data, std::int64_t stride_bytes, std::int64_t row_bytes) {
    part_[count_++] = {static_cast<const char*>(data), stride_bytes, row_bytes, tile_rows};
  }
  [[gnu::always_inline]] void step() {
    if (count_ == 0) return;
    Region& part = part_[count_ - 1];
    for (std::int64_t at = 0; at < part.row_bytes; at += 64) __builtin_prefetch(part.data + at, 1);
    part.data += part.stride_bytes;
    if (--part.rows == 0) --count_;
  }

 private:
  Region part_[2];
  std::int64_t count_ = 0;
};

struct Tile {
  const float* left;  // packed, (depth, tile_rows), or rows with a stride
  std::int64_t left_stride;
  const float* right;
  std::int64_t depth;
  float* c;
  std::int64_t c_stride;
  float factor;
  Lookahead* ahead;
  OutputLines* outputs;
};

// c = factor c + left right for one whole tile.
template <bool packed>
[[gnu::noinline]] void tile_product(const Tile& tile) {
  NativeFloat sums[tile_rows][tile_vectors] = {};
  float* c = tile.c;
  const std::int64_t left_stride = tile.left_stride;
  const float *left = tile.left, *lower = left + 3 * left_stride, *right = tile.right;
  for (std::int64_t begin = 0; begin < tile.depth; begin += lanes) {
    const std::int64_t count = tile.depth - begin < lanes ? tile.depth - begin : lanes;
    tile.ahead->step();
    tile.outputs->step();
#pragma GCC unroll 2
    for (std::int64_t k = 0; k < count; ++k, right += panel) {
      NativeFloat b[tile_vectors];
#pragma GCC unroll 8
      for (int v = 0; v < tile_vectors; ++v) b[v] = native_load(right + v * native_lanes);
#pragma GCC unroll 8
      for (int r = 0; r < tile_rows; ++r) {
        const float element = packed ? left[r] : (r < 3 ? left[r * left_stride] : lower[(r - 3) * left_stride]);
        const NativeFloat a = native_all(element);
#pragma GCC unroll 8
        for (int v = 0; v < tile_vectors; ++v) sums[r][v] += a * b[v];
      }
      left += packed ? tile_rows : 1;
      lower += 1;
    }
  }
  if (tile.factor != 0) {
    const float* from = c;
#pragma GCC unroll 8
    for (int r = 0; r < tile_rows; ++r, from += tile.c_stride)
#pragma GCC unroll 8
      for (int v = 0; v < tile_vectors; ++v) sums[r][v] += tile.factor * native_load(from + v * native_lanes);
  }
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r, c += tile.c_stride)
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) native_store(c + v * native_lanes, sums[r][v]);
}

// A tile that reaches over c's edge is summed beside c.
struct Aside {
  alignas(64) float sums[tile_rows * panel];
};

void copy(float* to, std::int64_t to_stride, const float* from, std::int64_t from_stride, std::int64_t rows,
          std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) to[r * to_stride + c] = from[r * from_stride + c];
}

void finish(const GemmEpilogue& last, const float* sums, std::int64_t stride, std::int64_t row, std::int64_t column,
            std::int64_t rows, std::int64_t columns) {
  const auto moved = [&](Array x) {
    if (x.data) x.data = static_cast<char*>(x.data) + (row * last.stride + column) * (x.dtype == DType::f32 ? 4 : 2);
    return x;
  };
  GemmEpilogue tile = last;
  tile.product = sums;
  tile.product_stride = stride;
  tile.c = moved(last.c);
  tile.preactivation = moved(last.preactivation);
  if (last.bias) tile.bias = last.bias + column;
  gemm_epilogue(tile, rows, columns);
}

void one_tile(const PackedProduct& p, Tile tile, std::int64_t row, std::int64_t column) {
  const std::int64_t rows = p.rows - row < tile_rows ? p.rows - row : tile_rows;
  const std::int64_t columns = p.columns - column < panel ? p.columns - column : panel;
  float* sums = p.sums + row * p.sums_stride + column;
  const bool inside = p.whole_tiles || (rows == tile_rows && columns == panel);
  Aside aside;
  tile.c = inside ? sums : aside.sums;
  tile.c_stride = inside ? p.sums_stride : panel;
  if (!inside && p.factor != 0) copy(aside.sums, panel, sums, p.sums_stride, rows, columns);
  OutputLines outputs;
  const std::int64_t element = p.last && p.last->c.dtype != DType::f32 ? 2 : 4;
  if (p.last && p.last->preactivation.data)
    outputs.add(static_cast<const char*>(p.last->preactivation.data) + (row * p.last->stride + column) * element,
                p.last->stride * element, columns * element);
  outputs.add(sums, p.sums_stride * 4, columns * 4);
  tile.outputs = &outputs;
  if (p.left_stride)
    tile_product<false>(tile);
  else
    tile_product<true>(tile);
  if (p.last)
    finish(*p.last, tile.c, tile.c_stride, row, column, rows, columns);
  else if (!inside)
    copy(sums, p.sums_stride, aside.sums, panel, rows, columns);
}

}  // namespace

void multiply_packed(const PackedProduct& p) {
  const std::int64_t row_size = p.left_stride ? p.left_stride : p.depth;
  const std::int64_t tiles = ((p.columns + panel - 1) / panel) * ((p.rows + tile_rows - 1) / tile_rows);
  Lookahead ahead(p.soon, p.soon_count, tiles * (p.depth / lanes));
  for (std::int64_t column = 0; column < p.columns; column += panel)
    for (std::int64_t row = 0; row < p.rows; row += tile_rows)
      one_tile(p,
               {.left = p.left + row * row_size,
                .left_stride = p.left_stride,
                .right = p.right + column * p.depth,
                .depth = p.depth,
                .c = nullptr,
                .c_stride = 0,
                .factor = p.factor,
                .ahead = &ahead,
                .outputs = nullptr},
               row, column);
}

}  // namespace trireme::cpu::TRIREME_LEVEL
