// The functions of the table in image_level.h, for the level being compiled.
#pragma once

#include "runtime/kernels/cpu/image_level.h"

namespace trireme::cpu::TRIREME_LEVEL {

void patch_rows(float* to, const Patches& patches, Range rows, Range columns);
void patch_panels(float* to, const Patches& patches, Range rows, Range columns, float* line);
void put_rows(const PixelGrid& to, const float* sums, std::int64_t stride, std::int64_t columns, Range rows);
void pack_taps(float* to, Array weight, std::int64_t filters, std::int64_t all_taps, std::int64_t columns,
               std::int64_t first_column, const std::int64_t* taps, Range depth);

void winograd_input(float* to, std::int64_t stride, const WinogradTiles& tiles, Range range);
void winograd_output(const WinogradTiles& tiles, const float* from, std::int64_t stride, std::int64_t row_stride,
                     Range channels, Range range);
void winograd_filters(float* to, std::int64_t stride, Array weight, std::int64_t channels, bool turned, Range rows);
void winograd_upstream(float* to, std::int64_t stride, const WinogradTiles& tiles, Range range);
void winograd_gradient(float* dweight, const float* from, std::int64_t stride, std::int64_t row_stride,
                       std::int64_t channels, bool accumulate, Range rows);

void multiply_add(float* sums, Array x, const float* factors, std::int64_t count);
void add_products(float* sums, Array x, Array y, std::int64_t count);
void slope_grad(Array dx, Array dy, Array y, float slope, std::int64_t columns, float* sums, Range rows);

void max_pool(const PoolRows& pool, Range rows);
void max_pool_grad(const PoolRows& pool, Range rows);

void channel_stats(float* mean, float* squares, Array x, std::int64_t columns, Range rows);
void channel_norm(const ChannelRows& rows, Range range);
void channel_norm_sums(const ChannelRows& rows, Array g, float* products, float* sums, Range range);
void channel_norm_grad(const ChannelRows& rows, const float* bias, Range range);

}  // namespace trireme::cpu::TRIREME_LEVEL
