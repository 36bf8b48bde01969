// Convolutions of 3 x 3 with stride 1, with fewer than half of the products: see level/image_winograd.cpp. Some tiles
// at a time: their inputs are turned, multiplied by the turned filters place by place, panel after panel of filters,
// and the sums turned back while they are in the cache.
#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"

namespace trireme::cpu {
namespace {

constexpr std::int64_t places = 16;

std::int64_t rounded_up(std::int64_t count, std::int64_t to) {
  return (count + to - 1) / to * to;
}

// Tiles that are multiplied together: their turned inputs fit in the second cache.
std::int64_t block_of(std::int64_t channels, std::int64_t tile_rows) {
  constexpr std::int64_t most = 48, cached = 3 << 16;  // elements
  return std::clamp(cached / (places * channels) / tile_rows * tile_rows, 2 * tile_rows, most);
}

}  // namespace

bool CpuImages::fits_winograd(const Convolution& how, std::int64_t channels, std::int64_t filters,
                              std::int64_t outputs) {
  constexpr std::int64_t few_channels = 32, few_outputs = 1024;  // below, turning costs more than it saves
  const auto three = [](const Side& side) {
    return side.filter == 3 && side.stride == 1 && side.dilation == 1 && side.before <= 2 && side.after <= 2;
  };
  return how.groups == 1 && three(how.window.height) && three(how.window.width) && channels >= few_channels &&
         filters >= few_channels && outputs >= few_outputs;
}

void CpuImages::winograd(const WinogradTiles& tiles, const Tensor& weight, WinogradUse use) {
  const bool back = use == WinogradUse::input_gradient;
  const std::int64_t depth = tiles.channels, columns = tiles.filters, panel = level_.panel_columns;
  const std::int64_t width = rounded_up(columns, panel), inner = weight.size(3), outer = weight.size(0);
  const Scratch::Lease packed = scratch_.take(places * depth * width);
  {
    const Scratch::Lease turned = scratch_.take(places * outer * inner);
    for_range(outer, places * inner, [&](Range rows) {
      images_.winograd_filters(turned.data(), outer * inner, array_of(weight), inner, back, rows);
    });
    for_range(places * (width / panel), panel * depth, [&](Range range) {
      for (std::int64_t i = range.begin; i < range.end; ++i) {
        const std::int64_t place = i / (width / panel), number = i % (width / panel);
        const Operand filters{{turned.data() + place * outer * inner, DType::f32}, 0, inner, depth, columns, !back};
        level_.pack_right(packed.data() + place * depth * width, filters, {number, number + 1});
      }
    });
  }
  const std::int64_t count = tiles.images * ((tiles.out_height + 1) / 2) * ((tiles.out_width + 1) / 2);
  const std::int64_t block = block_of(depth, level_.panel_rows);
  pool_.run((count + block - 1) / block, [&](std::int64_t i) {
    const Range range{i * block, std::min(count, (i + 1) * block)};
    const Scratch::Lease inputs = scratch_.take(places * block * depth), sums = scratch_.take(places * block * panel);
    images_.winograd_input(inputs.data(), block * depth, tiles, range);
    for (std::int64_t column = 0; column < columns; column += panel) {
      const std::int64_t here = std::min(panel, columns - column);
      for (std::int64_t place = 0; place < places; ++place)
        level_.multiply_packed({.left = inputs.data() + place * block * depth,
                                .left_stride = depth,
                                .right = packed.data() + place * depth * width + column * depth,
                                .sums = sums.data() + place * block * panel,
                                .sums_stride = panel,
                                .whole_tiles = true,
                                .factor = 0.0f,
                                .rows = range.end - range.begin,
                                .columns = here,
                                .depth = depth,
                                .last = nullptr,
                                .soon = nullptr,
                                .soon_count = 0});
      images_.winograd_output(tiles, sums.data(), block * panel, panel, {column, column + here}, range);
    }
  });
}

// Place by place, the gradient of the turned filters is a product over tiles. Its sums stay whole while tiles pass.
void CpuImages::winograd_weight(const WinogradTiles& tiles, Tensor& dweight, bool accumulate) {
  constexpr std::int64_t left_rows = 48, large = 1 << 18;
  const std::int64_t depth = tiles.channels, filters = tiles.filters, panel = level_.panel_columns;
  const std::int64_t width = rounded_up(depth, panel), height = rounded_up(filters, left_rows);
  const std::int64_t step = depth * filters < large ? 128 : 256;  // tiles
  const std::int64_t count = tiles.images * ((tiles.out_height + 1) / 2) * ((tiles.out_width + 1) / 2);
  const Scratch::Lease inputs = scratch_.take(places * step * depth), upstream = scratch_.take(places * step * filters);
  const Scratch::Lease sums = scratch_.take(places * height * width);
  for (std::int64_t first = 0; first < count; first += step) {
    const std::int64_t here = std::min(step, count - first);
    for_range(here, places * (depth + filters), [&](Range range) {
      const Range some{first + range.begin, first + range.end};
      images_.winograd_input(inputs.data() + range.begin * depth, step * depth, tiles, some);
      images_.winograd_upstream(upstream.data() + range.begin * filters, step * filters, tiles, some);
    });
    pool_.run(places, [&](std::int64_t place) {
      const Scratch::Lease right = scratch_.take(here * width), left = scratch_.take(left_rows * here);
      const Operand columns{{inputs.data() + place * step * depth, DType::f32}, 0, depth, here, depth, false};
      level_.pack_right(right.data(), columns, {0, width / panel});
      for (std::int64_t row = 0; row < filters; row += left_rows) {
        const std::int64_t rows = std::min(left_rows, filters - row);
        const Array gradients{upstream.data() + place * step * filters, DType::f32};
        level_.pack_left(left.data(), {gradients, row, filters, rows, here, true}, 1.0f);
        level_.multiply_packed({.left = left.data(),
                                .left_stride = 0,
                                .right = right.data(),
                                .sums = sums.data() + (place * height + row) * width,
                                .sums_stride = width,
                                .whole_tiles = true,
                                .factor = first == 0 ? 0.0f : 1.0f,
                                .rows = rows,
                                .columns = depth,
                                .depth = here,
                                .last = nullptr,
                                .soon = nullptr,
                                .soon_count = 0});
      }
    });
  }
  for_range(filters, places * depth, [&](Range rows) {
    images_.winograd_gradient(dweight.data<float>(), sums.data(), height * width, width, depth, accumulate, rows);
  });
}

}  // namespace trireme::cpu
