// Sums over the rows of matrices, column by column, in two stages: blocks add up some rows of some columns, then the
// blocks' sums are added in the order of the rows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/pack.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {

inline constexpr int sum_warps = 8;

// Which blocks add up what.
struct ColumnParts {
  std::int64_t tiles;  // of columns
  std::int64_t parts;  // of rows
  std::int64_t rows_per_part;
};
inline ColumnParts column_parts(std::int64_t rows, std::int64_t columns, std::int64_t width, int multiprocessors) {
  constexpr std::int64_t least_rows = 64;
  const std::int64_t tiles = (columns + warp_threads * width - 1) / (warp_threads * width);
  const std::int64_t wanted = std::clamp<std::int64_t>(8 * std::int64_t{multiprocessors} / tiles, 1, 1024);
  const std::int64_t height = std::max(least_rows, (rows + wanted - 1) / wanted);
  return {tiles, (rows + height - 1) / height, height};
}

// partial (parts, sums, columns) = what op.add<width>(row, column, totals) adds to totals[sums][width] over the rows of
// each part. With width > 1, columns is a multiple of it.
template <int width, int sums, class Op>
__global__ void __launch_bounds__(sum_warps* warp_threads)
    column_sums_kernel(Op op, std::int64_t rows, std::int64_t columns, std::int64_t rows_per_part, float* partial) {
  constexpr int values = sums * width * warp_threads;
  __shared__ float of_warp[sum_warps][values];
  const int lane = threadIdx.x % warp_threads, warp = threadIdx.x / warp_threads;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * warp_threads * width;
  const std::int64_t column = first + lane * width;
  float totals[sums][width] = {};
  if (column < columns) {
    const std::int64_t begin = blockIdx.y * rows_per_part;
    const std::int64_t end = rows < begin + rows_per_part ? rows : begin + rows_per_part;
    for (std::int64_t row = begin + warp; row < end; row += sum_warps) op.add(row, column, totals);
  }
  for (int s = 0; s < sums; ++s)
    for (int i = 0; i < width; ++i) of_warp[warp][(s * width + i) * warp_threads + lane] = totals[s][i];
  __syncthreads();
  for (int v = threadIdx.x; v < values; v += sum_warps * warp_threads) {
    float sum = 0;
    for (int w = 0; w < sum_warps; ++w) sum += of_warp[w][v];
    const int s = v / (width * warp_threads), i = v / warp_threads % width;
    const std::int64_t c = first + v % warp_threads * width + i;
    if (c < columns) partial[(static_cast<std::int64_t>(blockIdx.y) * sums + s) * columns + c] = sum;
  }
}

// y (+)= the sum over `parts` of partial (parts, stride), of which the first columns are y0's and the next y1's.
struct ColumnTotals {
  float* y0;
  float* y1;  // may be null
  const float* partial;
  std::int64_t parts, columns, stride;
  bool accumulate;
};
void add_parts(cudaStream_t stream, const ColumnTotals& totals);

// The rows and columns that an operation goes over; `aligned` when it may take `width` columns at a time.
struct Matrix {
  std::int64_t rows, columns;
  bool aligned;
};

// y0 (+)= the column sums of what `op` adds to totals[0], y1 those of totals[1].
template <int width, int sums, class Op>
void sum_columns(CudaDevice& device, const Op& op, const Matrix& matrix, float* y0, float* y1, bool accumulate) {
  const int multiprocessors = device.properties().multiProcessorCount;
  const ColumnParts p = column_parts(matrix.rows, matrix.columns, matrix.aligned ? width : 1, multiprocessors);
  const Scratch partial = device.scratch(p.parts * sums * matrix.columns * static_cast<std::int64_t>(sizeof(float)));
  if (p.parts > 0) {
    const auto kernel = matrix.aligned ? column_sums_kernel<width, sums, Op> : column_sums_kernel<1, sums, Op>;
    launch(device.native_compute(), {p.tiles, sum_warps * warp_threads, p.parts}, kernel, op, matrix.rows,
           matrix.columns, p.rows_per_part, partial.as<float>());
  }
  add_parts(device.native_compute(), {.y0 = y0,
                                      .y1 = y1,
                                      .partial = partial.as<float>(),
                                      .parts = p.parts,
                                      .columns = matrix.columns,
                                      .stride = sums * matrix.columns,
                                      .accumulate = accumulate});
}

}  // namespace trireme::cuda
