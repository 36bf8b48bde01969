// What images need of each instruction set, beyond level.h and by its rules: loops over pixels, each a line of
// channels.
#pragma once

#include <cstdint>

#include "runtime/kernels/cpu/level.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::cpu {

// Places of a window that lie side by side in memory: pixels (h, w), (h, w + 1), ... where (h, w) is given as distance
// from the pixel where a window stands.
struct TapRun {
  std::int64_t height, width;
  std::int64_t taps;
};

// The matrix whose rows are what the windows of a grid cover: one row for each place (n, a, b) of the grid, standing at
// pixel (a stride_height, b stride_width) of image n; in it the runs, one after the other, of `group` channels per tap.
// What lies outside the image is zero.
struct Patches {
  Array x;  // (N, height, width, channels)
  std::int64_t height, width, channels;
  std::int64_t first, group;  // the channels that count; with runs of several taps, all of them
  std::int64_t grid_height, grid_width;
  std::int64_t stride_height, stride_width;
  const TapRun* runs;
  std::int64_t run_count;
};

// Where the rows of a result go: pixel (a stride_height + first_height, b stride_width + first_width) of image n.
struct PixelGrid {
  Array y;  // (N, height, width, channels)
  std::int64_t height, width, channels;
  std::int64_t first;  // channel
  std::int64_t grid_height, grid_width;
  std::int64_t stride_height, stride_width;
  std::int64_t first_height, first_width;
  const float* bias;  // of the channels from `first` on, or null
  float slope;
};

// A matrix (rows, columns) of pixels, and what is known of each channel.
struct ChannelRows {
  Array y, x, residual, dy;  // as the function needs them
  std::int64_t columns;
  const float* mean;
  const float* scale;  // rstd weight
  const float* shift;  // bias; for gradients the part that all rows share
  const float* tilt;   // of gradients: the part that grows with the distance from the mean
  float slope;
};

struct PoolRows {
  Array y, x;  // (N, P, Q, C), (N, H, W, C)
  std::uint8_t* where;
  std::int64_t out_height, out_width, height, width, channels;
  Window window;
};

// A convolution of 3 x 3 with stride 1, of x or, for the way back, of dy: tiles of 2 x 2 outputs, row by row, image by
// image.
struct WinogradTiles {
  Array x;  // (N, height, width, channels)
  Array y;  // (N, out_height, out_width, filters)
  std::int64_t images, height, width, channels, out_height, out_width, filters;
  std::int64_t before_height, before_width;  // padding
  const float* bias;                         // (filters), or null
  float slope;
};

struct ImageLevel {
  // to (rows, columns), packed: these rows of the matrix, and of each the columns.
  void (*patch_rows)(float* to, const Patches& patches, Range rows, Range columns);
  // The same as a right operand of packed products: panel after panel, each with all rows. `line` has room for a row.
  void (*patch_panels)(float* to, const Patches& patches, Range rows, Range columns, float* line);
  // Writes rows of sums (rows, stride) with bias and slope.
  void (*put_rows)(const PixelGrid& to, const float* sums, std::int64_t stride, std::int64_t columns, Range rows);
  // to (depth, columns) as a right operand: of the K weights (K, taps, columns) those of the taps listed, tap by tap.
  void (*pack_taps)(float* to, Array weight, std::int64_t filters, std::int64_t all_taps, std::int64_t columns,
                    std::int64_t first_column, const std::int64_t* taps, Range depth);

  // Turned inputs of some tiles: to (16, tiles, channels), each of the 16 `stride` after the one before.
  void (*winograd_input)(float* to, std::int64_t stride, const WinogradTiles& tiles, Range range);
  // Outputs of some tiles from sums (16, tiles, row_stride), of these channels.
  void (*winograd_output)(const WinogradTiles& tiles, const float* from, std::int64_t stride, std::int64_t row_stride,
                          Range channels, Range range);
  // to (16, filters, channels): turned filters of the weight (filters, 3, 3, channels), with `turned` from end to end.
  void (*winograd_filters)(float* to, std::int64_t stride, Array weight, std::int64_t channels, bool turned,
                           Range rows);
  // The same of the gradients of outputs, y, as of inputs: to (16, tiles, filters).
  void (*winograd_upstream)(float* to, std::int64_t stride, const WinogradTiles& tiles, Range range);
  // Rows of the weight's gradient (filters, 3, 3, channels) from sums (16, filters, row_stride).
  void (*winograd_gradient)(float* dweight, const float* from, std::int64_t stride, std::int64_t row_stride,
                            std::int64_t channels, bool accumulate, Range rows);

  // sums += x * factors, element by element.
  void (*multiply_add)(float* sums, Array x, const float* factors, std::int64_t count);
  // sums += x * y.
  void (*add_products)(float* sums, Array x, Array y, std::int64_t count);
  void (*slope_grad)(Array dx, Array dy, Array y, float slope, std::int64_t columns, float* sums, Range rows);

  void (*max_pool)(const PoolRows& pool, Range rows);       // rows of outputs (n, p)
  void (*max_pool_grad)(const PoolRows& pool, Range rows);  // x is dx, y dy; rows of pixels (n, h)

  // mean and sum of squared distances of these rows.
  void (*channel_stats)(float* mean, float* squares, Array x, std::int64_t columns, Range rows);
  void (*channel_norm)(const ChannelRows& rows, Range range);
  // Adds to products the sums of g (x - mean), to sums those of g; y, when there, is what g is masked by.
  void (*channel_norm_sums)(const ChannelRows& rows, Array g, float* products, float* sums, Range range);
  // y = g scale - shift - (x - mean) tilt; bias: for the slope's mask.
  void (*channel_norm_grad)(const ChannelRows& rows, const float* bias, Range range);
};

namespace v4 {
const ImageLevel& image_level();
}
namespace v3 {
const ImageLevel& image_level();
}
namespace base {
const ImageLevel& image_level();
}

}  // namespace trireme::cpu
