#include "runtime/kernels/cuda/gemm/float8.h"

#include <algorithm>
#include <cmath>

#include "eight_bits.h"
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/cuda/team.h"
#include "runtime/kernels/formulas/eight_bits.h"

namespace trireme::cuda {
namespace {

constexpr int warps = block_threads / warp_threads;
constexpr int tile = 64;

struct LargerOf {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

// The largest magnitude of each block's elements.
template <class T>
__global__ void __launch_bounds__(block_threads) largest_kernel(float* largest, const T* x, Sweep s) {
  float mine = 0.0f;
  sweep<widest<T>>(s, [&]<int n>(Width<n>, std::int64_t at) {
    float values[n];
    load(values, x + at);
    for (int i = 0; i < n; ++i) mine = fmaxf(mine, fabsf(values[i]));
  });
  mine = over_block<warps>(mine, LargerOf{});
  if (threadIdx.x == 0) largest[blockIdx.x] = mine;
}

// One block: what to multiply with before and after.
__global__ void __launch_bounds__(block_threads)
    scale_kernel(float* scale, float* factor, const float* largest, int count, int limit_exponent) {
  float all = 0.0f;
  for (int i = threadIdx.x; i < count; i += block_threads) all = fmaxf(all, largest[i]);
  all = over_block<warps>(all, LargerOf{});
  if (threadIdx.x != 0) return;
  const int power = formulas::power_for(all, limit_exponent);
  *factor = ldexpf(1.0f, power);
  *scale = std::isfinite(all) ? ldexpf(1.0f, -power) : NAN;
}

// Four bytes of a tile's row, or of its column.
__device__ std::uint32_t four_of(const std::uint8_t (&bytes)[tile][tile + 4], int row, int column, bool down) {
  std::uint32_t word = 0;
  for (int i = 0; i < 4; ++i) word |= std::uint32_t{down ? bytes[row + i][column] : bytes[row][column + i]} << (8 * i);
  return word;
}

// A block for each tile of 64 by 64. Rows and columns are multiples of 16, so words of four lie inside or outside.
template <class T, Element format>
__global__ void __launch_bounds__(block_threads)
    quantise_kernel(InEightBits to, const T* x, const float* factor, std::int64_t rows, std::int64_t columns) {
  __shared__ std::uint8_t bytes[tile][tile + 4];
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.y) * tile;
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * tile;
  const float by = *factor;
  for (int i = threadIdx.x; i < tile * tile; i += block_threads) {
    const int row = i / tile, column = i % tile;
    const bool inside = first_row + row < rows && first_column + column < columns;
    if (inside)
      bytes[row][column] = to_float8<format>(to_float(x[(first_row + row) * columns + first_column + column]) * by);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < tile * tile / 4; i += block_threads) {
    const int outer = i / (tile / 4), inner = i % (tile / 4) * 4;
    std::uint32_t word;
    if (to.rows && first_row + outer < rows && first_column + inner < columns) {
      word = four_of(bytes, outer, inner, false);
      store_words<1>(to.rows + (first_row + outer) * columns + first_column + inner, &word);
    }
    if (to.columns && first_column + outer < columns && first_row + inner < rows) {
      word = four_of(bytes, inner, outer, true);
      store_words<1>(to.columns + (first_column + outer) * rows + first_row + inner, &word);
    }
  }
}

}  // namespace

void to_eight_bits(cudaStream_t stream, int multiprocessors, const InEightBits& to, const Tensor& x, float* scratch) {
  const std::int64_t rows = rows_of(x), columns = columns_of(x);
  const bool values = to.format == Element::e4m3;
  const int limit_exponent = formulas::format_of(values ? EightBits::e4m3 : EightBits::e5m2).limit_exponent;
  float* factor = scratch;
  float* largest = scratch + 1;
  visit_compute_type("gemm", x.dtype(), [&]<class T>(T) {
    const Sweep s = sweep_of(x.numel(), widest<T>, {place_of(x.data<T>())});
    Grid grid = grid_for(s, widest<T>, multiprocessors);
    grid.blocks = std::min(grid.blocks, eight_bits_scratch - 1);
    launch(stream, grid, largest_kernel<T>, largest, x.data<T>(), s);
    launch(stream, {1, block_threads}, scale_kernel, to.scale, factor, largest, static_cast<int>(grid.blocks),
           limit_exponent);
    const Grid tiles{(columns + tile - 1) / tile, block_threads, (rows + tile - 1) / tile};
    if (values)
      launch(stream, tiles, quantise_kernel<T, Element::e4m3>, to, x.data<T>(), factor, rows, columns);
    else
      launch(stream, tiles, quantise_kernel<T, Element::e5m2>, to, x.data<T>(), factor, rows, columns);
  });
}

}  // namespace trireme::cuda
