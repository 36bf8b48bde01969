// Convolutions as products of matrices: the windows of a block of outputs are put side by side as rows (fp32, whatever
// the storage) and multiplied by packed weights with the tiles of our own matrix product. The order in which an element
// is summed depends on the sizes alone, so blocks may go to any thread. oneDNN's convolutions would want weights in
// formats of their own, differ in their bits with the number of threads and are slow in 16 bits.
#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"
#include "runtime/kernels/cpu/images/taps.h"

namespace trireme::cpu {

// result rows (pixels of `to`) = rows of `patches` times right.
struct PatchProduct {
  Patches patches;
  PixelGrid to;
  const float* right;                                   // packed, step after step of `thickness`
  std::int64_t rows, depth, thickness, columns, width;  // width: columns rounded up to panels
};

namespace {

constexpr std::int64_t left_rows = 48;
constexpr std::int64_t most_depth = 768;

std::int64_t parts_of(std::int64_t whole, std::int64_t most) {
  return (whole + most - 1) / most;
}
std::int64_t rounded_up(std::int64_t count, std::int64_t to) {
  return parts_of(count, to) * to;
}
std::int64_t thickness_of(std::int64_t depth) {
  return depth == 0 ? 0 : parts_of(depth, parts_of(depth, most_depth));
}

bool is_depthwise(const Tensor& x, const Tensor& y, const Convolution& how) {
  return how.groups > 1 && how.groups == x.size(3) && how.groups == y.size(3);
}

// y = x weight^T over pixels as rows.
bool is_product(const Convolution& how) {
  return how.window == Window{} && how.groups == 1 && (how.slope == 1.0f || how.slope == 0.0f);
}

Tensor as_rows(const Tensor& x) {
  const std::int64_t columns = x.size(-1);
  return x.view({columns == 0 ? 0 : x.numel() / columns, columns});
}

// The matrix of windows of x that are read to compute y, of one group.
Patches forward_patches(const Tensor& x, const Tensor& y, const Taps& taps, std::int64_t group,
                        const Convolution& how) {
  const std::int64_t channels = x.size(3) / how.groups;
  return {.x = array_of(x),
          .height = x.size(1),
          .width = x.size(2),
          .channels = x.size(3),
          .first = group * channels,
          .group = channels,
          .grid_height = y.size(1),
          .grid_width = y.size(2),
          .stride_height = how.window.height.stride,
          .stride_width = how.window.width.stride,
          .runs = taps.runs.data(),
          .run_count = static_cast<std::int64_t>(taps.runs.size())};
}

WinogradTiles tiles_of(const Tensor& y, const Tensor& x, const Convolution& how, const float* bias,
                       std::int64_t before_height, std::int64_t before_width) {
  return {.x = array_of(x),
          .y = array_of(y),
          .images = x.size(0),
          .height = x.size(1),
          .width = x.size(2),
          .channels = x.size(3),
          .out_height = y.size(1),
          .out_width = y.size(2),
          .filters = y.size(3),
          .before_height = before_height,
          .before_width = before_width,
          .bias = bias,
          .slope = how.slope};
}

}  // namespace

void CpuImages::multiply_patches(const PatchProduct& p) {
  const std::int64_t thickness = p.thickness;
  pool_.run(parts_of(p.rows, left_rows), [&](std::int64_t i) {
    const Range rows{i * left_rows, std::min(p.rows, (i + 1) * left_rows)};
    const Scratch::Lease left = scratch_.take(left_rows * thickness), sums = scratch_.take(left_rows * p.width);
    if (p.depth == 0) std::fill(sums.data(), sums.data() + left_rows * p.width, 0.0f);
    for (std::int64_t k = 0; k < p.depth; k += thickness) {
      const Range depth{k, std::min(p.depth, k + thickness)};
      images_.patch_rows(left.data(), p.patches, rows, depth);
      level_.multiply_packed({.left = left.data(),
                              .left_stride = depth.end - depth.begin,
                              .right = p.right + k * p.width,
                              .sums = sums.data(),
                              .sums_stride = p.width,
                              .whole_tiles = true,
                              .factor = k == 0 ? 0.0f : 1.0f,
                              .rows = rows.end - rows.begin,
                              .columns = p.columns,
                              .depth = depth.end - depth.begin,
                              .last = nullptr,
                              .soon = nullptr,
                              .soon_count = 0});
    }
    images_.put_rows(p.to, sums.data(), p.width, p.columns, rows);
  });
}

void CpuImages::convolution(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) {
  if (y.numel() == 0) return;
  if (is_product(how)) {
    Tensor rows = as_rows(y);
    return kernels_.gemm(rows, as_rows(x), weight.view({weight.size(0), weight.size(3)}),
                         {.transpose_b = true,
                          .bias = how.bias,
                          .activation = how.slope == 0.0f ? Activation::relu : Activation::identity});
  }
  if (is_depthwise(x, y, how)) return depthwise(y, x, weight, how);
  if (fits_winograd(how, x.size(3), y.size(3), y.numel() / y.size(3))) {
    const AsFloats bias(how.bias, level_, scratch_);
    return winograd(tiles_of(y, x, how, bias.data(), how.window.height.before, how.window.width.before), weight,
                    WinogradUse::forward);
  }
  const std::int64_t filters = y.size(3) / how.groups, channels = x.size(3) / how.groups, panel = level_.panel_columns;
  const Taps taps = taps_of(forward_places(how.window.height), forward_places(how.window.width),
                            how.window.width.filter, how.groups == 1);
  const std::int64_t depth = taps.count() * channels, thickness = thickness_of(depth),
                     width = rounded_up(filters, panel);
  const AsFloats bias(how.bias, level_, scratch_);
  const Scratch::Lease right = scratch_.take(depth * width);
  for (std::int64_t group = 0; group < how.groups; ++group) {
    for (std::int64_t k = 0; k < depth; k += thickness) {
      const std::int64_t here = std::min(thickness, depth - k);
      const Operand step{array_of(weight), group * filters * depth + k, depth, here, filters, true};
      for_range(width / panel, panel * here,
                [&](Range panels) { level_.pack_right(right.data() + k * width, step, panels); });
    }
    multiply_patches({.patches = forward_patches(x, y, taps, group, how),
                      .to = {.y = array_of(y),
                             .height = y.size(1),
                             .width = y.size(2),
                             .channels = y.size(3),
                             .first = group * filters,
                             .grid_height = y.size(1),
                             .grid_width = y.size(2),
                             .stride_height = 1,
                             .stride_width = 1,
                             .first_height = 0,
                             .first_width = 0,
                             .bias = bias.data() ? bias.data() + group * filters : nullptr,
                             .slope = how.slope},
                      .right = right.data(),
                      .rows = y.numel() / y.size(3),
                      .depth = depth,
                      .thickness = thickness,
                      .columns = filters,
                      .width = width});
  }
}

void CpuImages::convolution_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) {
  if (dx.numel() == 0) return;
  if (is_product(how)) {
    Tensor rows = as_rows(dx);
    return kernels_.gemm(rows, as_rows(dy), weight.view({weight.size(0), weight.size(3)}),
                         {.bias = how.bias, .activation = how.slope == 0.0f ? Activation::relu : Activation::identity});
  }
  if (is_depthwise(dx, dy, how)) return depthwise_input(dx, dy, weight, how);
  const Side &down = how.window.height, &across = how.window.width;
  if (fits_winograd(how, dx.size(3), dy.size(3), dx.numel() / dx.size(3))) {
    const AsFloats bias(how.bias, level_, scratch_);  // filters from end to end, over dy with the rest of their reach
    return winograd(tiles_of(dx, dy, how, bias.data(), 2 - down.before, 2 - across.before), weight,
                    WinogradUse::input_gradient);
  }
  const AsFloats bias(how.bias, level_, scratch_);
  for (std::int64_t h = 0; h < std::min(down.stride, dx.size(1)); ++h)
    for (std::int64_t w = 0; w < std::min(across.stride, dx.size(2)); ++w)
      for (std::int64_t group = 0; group < how.groups; ++group)
        input_pixels(dx, dy, weight, how, {.h = h, .w = w, .group = group, .bias = bias.data()});
}

void CpuImages::input_pixels(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how,
                             const InputGrid& grid) {
  const Side &down = how.window.height, &across = how.window.width;
  const std::int64_t filters = dy.size(3) / how.groups, channels = dx.size(3) / how.groups;
  const std::int64_t panel = level_.panel_columns, width = rounded_up(channels, panel);
  const Taps taps =
      taps_of(backward_places(down, grid.h), backward_places(across, grid.w), across.filter, how.groups == 1);
  const std::int64_t depth = taps.count() * filters, thickness = thickness_of(depth);
  const Array weights = moved(array_of(weight), grid.group * filters * (weight.numel() / weight.size(0)));
  const Scratch::Lease right = scratch_.take(depth * width);
  for (std::int64_t k = 0; k < depth; k += thickness) {
    const Range step{k, std::min(depth, k + thickness)};
    const std::int64_t here = step.end - step.begin;
    for_range(width / panel, panel * here, [&](Range panels) {
      for (std::int64_t p = panels.begin; p < panels.end; ++p)
        images_.pack_taps(right.data() + k * width + p * panel * here, weights, filters, how.window.places(), channels,
                          p * panel, taps.numbers.data(), step);
    });
  }
  const PixelGrid to{.y = array_of(dx),
                     .height = dx.size(1),
                     .width = dx.size(2),
                     .channels = dx.size(3),
                     .first = grid.group * channels,
                     .grid_height = parts_of(dx.size(1) - grid.h, down.stride),
                     .grid_width = parts_of(dx.size(2) - grid.w, across.stride),
                     .stride_height = down.stride,
                     .stride_width = across.stride,
                     .first_height = grid.h,
                     .first_width = grid.w,
                     .bias = grid.bias ? grid.bias + grid.group * channels : nullptr,
                     .slope = how.slope};
  multiply_patches({.patches = {.x = array_of(dy),
                                .height = dy.size(1),
                                .width = dy.size(2),
                                .channels = dy.size(3),
                                .first = grid.group * filters,
                                .group = filters,
                                .grid_height = to.grid_height,
                                .grid_width = to.grid_width,
                                .stride_height = 1,
                                .stride_width = 1,
                                .runs = taps.runs.data(),
                                .run_count = static_cast<std::int64_t>(taps.runs.size())},
                    .to = to,
                    .right = right.data(),
                    .rows = dx.size(0) * to.grid_height * to.grid_width,
                    .depth = depth,
                    .thickness = thickness,
                    .columns = channels,
                    .width = width});
}

void CpuImages::weights_of_group(Tensor& dweight, const Tensor& dy, const Patches& patches, std::int64_t group,
                                 const Convolution& how, bool accumulate) {
  constexpr std::int64_t most_columns = 768, block_elements = 1 << 17, least_depth = 64;
  const std::int64_t filters = dy.size(3) / how.groups, columns = dweight.numel() / dweight.size(0);
  const std::int64_t pixels = dy.numel() / dy.size(3), panel = level_.panel_columns;
  const std::int64_t width = rounded_up(std::min(columns, most_columns), panel);
  const std::int64_t thickness = std::clamp(block_elements / width, least_depth, most_depth);
  const Scratch::Lease right = scratch_.take(thickness * width);
  for (std::int64_t column = 0; column < columns; column += width)
    for (std::int64_t pixel = 0; pixel < pixels; pixel += thickness) {
      const std::int64_t here = std::min(width, columns - column), depth = std::min(thickness, pixels - pixel);
      const std::int64_t panels = parts_of(here, panel), blocks = parts_of(filters, left_rows);
      for_range(panels, panel * depth, [&](Range range) {
        const Scratch::Lease line = scratch_.take((range.end - range.begin) * panel);
        images_.patch_panels(right.data() + range.begin * panel * depth, patches, {pixel, pixel + depth},
                             {column + range.begin * panel, std::min(columns, column + range.end * panel)},
                             line.data());
      });
      const std::int64_t cuts = pool_.threads() == 1 ? 1 : std::min(panels, parts_of(4 * pool_.threads(), blocks));
      pool_.run(blocks * cuts, [&](std::int64_t i) {
        const std::int64_t row = i / cuts * left_rows, cut = i % cuts, rows = std::min(left_rows, filters - row);
        const std::int64_t begin = panels * cut / cuts * panel, end = std::min(here, panels * (cut + 1) / cuts * panel);
        const Scratch::Lease left = scratch_.take(left_rows * depth);
        level_.pack_left(left.data(),
                         {array_of(dy), pixel * dy.size(3) + group * filters + row, dy.size(3), rows, depth, true},
                         1.0f);
        level_.multiply_packed({.left = left.data(),
                                .left_stride = 0,
                                .right = right.data() + begin * depth,
                                .sums = dweight.data<float>() + (group * filters + row) * columns + column + begin,
                                .sums_stride = columns,
                                .whole_tiles = false,
                                .factor = pixel > 0 || accumulate ? 1.0f : 0.0f,
                                .rows = rows,
                                .columns = end - begin,
                                .depth = depth,
                                .last = nullptr,
                                .soon = nullptr,
                                .soon_count = 0});
      });
    }
}

void CpuImages::convolution_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how,
                                   bool accumulate) {
  if (dweight.numel() == 0) return;
  if (dy.numel() == 0) {
    if (!accumulate) level_.fill(array_of(dweight), 0.0f, {0, dweight.numel()});
    return;
  }
  if (is_product(how)) {
    Tensor matrix = dweight.view({dweight.size(0), dweight.size(3)});
    return kernels_.gemm(matrix, as_rows(dy), as_rows(x), {.transpose_a = true, .beta = accumulate ? 1.0f : 0.0f});
  }
  if (is_depthwise(x, dy, how)) return depthwise_weight(dweight, dy, x, how, accumulate);
  if (fits_winograd(how, x.size(3), dy.size(3), dy.numel() / dy.size(3)))
    return winograd_weight(tiles_of(dy, x, how, nullptr, how.window.height.before, how.window.width.before), dweight,
                           accumulate);
  const Taps taps = taps_of(forward_places(how.window.height), forward_places(how.window.width),
                            how.window.width.filter, how.groups == 1);
  for (std::int64_t group = 0; group < how.groups; ++group)
    weights_of_group(dweight, dy, forward_patches(x, dy, taps, group, how), group, how, accumulate);
}

}  // namespace trireme::cpu
