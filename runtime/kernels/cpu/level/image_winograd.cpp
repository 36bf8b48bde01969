// Convolutions of 3 x 3 with stride 1 as F(2 x 2, 3 x 3) of Winograd (Lavin & Gray 2016): four outputs of 4 x 4 inputs
// by 16 products instead of 36. Lanes are channels.
#include "runtime/kernels/cpu/level/image_declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"
#include "runtime/kernels/formulas/sloped.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// One column of B^T d: of four elements.
struct Four {
  Floats a, b, c, d;
};
[[gnu::always_inline]] inline Four turned_input(Floats a, Floats b, Floats c, Floats d) {
  return {a - c, b + c, c - b, b - d};
}

// Where tile number `tile` stands.
struct TilePlace {
  std::int64_t image, row, column;  // of outputs
};
TilePlace place_of(const WinogradTiles& t, std::int64_t tile) {
  const std::int64_t across = (t.out_width + 1) / 2, down = (t.out_height + 1) / 2;
  return {tile / across / down, tile / across % down * 2, tile % across * 2};
}

template <class S>
void input_tile(float* to, std::int64_t stride, const WinogradTiles& t, const TilePlace& place) {
  const auto* x = static_cast<const typename S::Element*>(t.x.data);
  const std::int64_t top = place.row - t.before_height, left = place.column - t.before_width;
  const typename S::Element* pixels[16];
  for (std::int64_t r = 0; r < 4; ++r)
    for (std::int64_t s = 0; s < 4; ++s) {
      const std::int64_t h = top + r, w = left + s;
      const bool inside = h >= 0 && h < t.height && w >= 0 && w < t.width;
      pixels[4 * r + s] = inside ? x + ((place.image * t.height + h) * t.width + w) * t.channels : nullptr;
    }
  for_lanes(t.channels, [&](std::int64_t c, auto count) {
    Floats d[16];
    for (int i = 0; i < 16; ++i) d[i] = pixels[i] ? load<S>(pixels[i] + c, count) : zeros();
    for (int s = 0; s < 4; ++s) {  // columns
      const Four f = turned_input(d[s], d[4 + s], d[8 + s], d[12 + s]);
      d[s] = f.a, d[4 + s] = f.b, d[8 + s] = f.c, d[12 + s] = f.d;
    }
    for (int r = 0; r < 4; ++r) {  // rows
      const Four f = turned_input(d[4 * r], d[4 * r + 1], d[4 * r + 2], d[4 * r + 3]);
      float* row = to + 4 * r * stride + c;
      store<F32>(row, f.a, count);
      store<F32>(row + stride, f.b, count);
      store<F32>(row + 2 * stride, f.c, count);
      store<F32>(row + 3 * stride, f.d, count);
    }
  });
}

template <class S>
void output_tile(const WinogradTiles& t, const float* from, std::int64_t stride, std::int64_t first,
                 std::int64_t channels, const TilePlace& place) {
  auto* y = static_cast<typename S::Element*>(t.y.data);
  const bool below = place.row + 1 < t.out_height, beside = place.column + 1 < t.out_width;
  auto* pixel = y + ((place.image * t.out_height + place.row) * t.out_width + place.column) * t.filters + first;
  for_lanes(channels, [&](std::int64_t c, auto count) {
    const auto finished = [&](Floats value) {
      if (t.bias) value += load<F32>(t.bias + first + c, count);
      return t.slope == 1.0f ? value : formulas::sloped(value, t.slope);
    };
    Floats top[4], bottom[4];  // A^T m
    for (int s = 0; s < 4; ++s) {
      const float* column = from + s * stride + c;
      const Floats a = load<F32>(column, count), b = load<F32>(column + 4 * stride, count);
      const Floats e = load<F32>(column + 8 * stride, count), f = load<F32>(column + 12 * stride, count);
      top[s] = a + b + e;
      bottom[s] = b - e - f;
    }
    auto* to = pixel + c;
    store<S>(to, finished(top[0] + top[1] + top[2]), count);
    if (beside) store<S>(to + t.filters, finished(top[1] - top[2] - top[3]), count);
    if (!below) return;
    to += t.out_width * t.filters;
    store<S>(to, finished(bottom[0] + bottom[1] + bottom[2]), count);
    if (beside) store<S>(to + t.filters, finished(bottom[1] - bottom[2] - bottom[3]), count);
  });
}

// A dy A^T of the 2 x 2 gradients of a tile.
template <class S>
void upstream_tile(float* to, std::int64_t stride, const WinogradTiles& t, const TilePlace& place) {
  const auto* dy = static_cast<const typename S::Element*>(t.y.data);
  const bool below = place.row + 1 < t.out_height, beside = place.column + 1 < t.out_width;
  const auto* pixel = dy + ((place.image * t.out_height + place.row) * t.out_width + place.column) * t.filters;
  const std::int64_t line = t.out_width * t.filters;
  for_lanes(t.filters, [&](std::int64_t c, auto count) {
    const Floats a = load<S>(pixel + c, count), b = beside ? load<S>(pixel + t.filters + c, count) : zeros();
    const Floats e = below ? load<S>(pixel + line + c, count) : zeros();
    const Floats f = below && beside ? load<S>(pixel + line + t.filters + c, count) : zeros();
    const Floats left[4] = {a, a + e, a - e, -e}, right[4] = {b, b + f, b - f, -f};
    for (int r = 0; r < 4; ++r) {
      float* row = to + 4 * r * stride + c;
      store<F32>(row, left[r], count);
      store<F32>(row + stride, left[r] + right[r], count);
      store<F32>(row + 2 * stride, left[r] - right[r], count);
      store<F32>(row + 3 * stride, -right[r], count);
    }
  });
}

// One column of G^T m.
struct Three {
  Floats a, b, c;
};
[[gnu::always_inline]] inline Three gathered(Floats a, Floats b, Floats c, Floats d) {
  const Floats even = 0.5f * (b + c);
  return {a + even, 0.5f * (b - c), even + d};
}

// One column of G g.
[[gnu::always_inline]] inline Four turned_filter(Floats a, Floats b, Floats c) {
  const Floats even = 0.5f * (a + c), odd = 0.5f * b;
  return {a, even + odd, even - odd, c};
}

}  // namespace

void winograd_input(float* to, std::int64_t stride, const WinogradTiles& tiles, Range range) {
  with_storage(tiles.x.dtype, [&]<class S>(S) {
    for (std::int64_t tile = range.begin; tile < range.end; ++tile, to += tiles.channels)
      input_tile<S>(to, stride, tiles, place_of(tiles, tile));
  });
}

void winograd_output(const WinogradTiles& tiles, const float* from, std::int64_t stride, std::int64_t row_stride,
                     Range channels, Range range) {
  with_storage(tiles.y.dtype, [&]<class S>(S) {
    for (std::int64_t tile = range.begin; tile < range.end; ++tile, from += row_stride)
      output_tile<S>(tiles, from, stride, channels.begin, channels.end - channels.begin, place_of(tiles, tile));
  });
}

void winograd_filters(float* to, std::int64_t stride, Array weight, std::int64_t channels, bool turned, Range rows) {
  with_storage(weight.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(weight.data);
    for (std::int64_t k = rows.begin; k < rows.end; ++k) {
      const auto* filter = from + k * 9 * channels;
      for_lanes(channels, [&](std::int64_t c, auto count) {
        Floats g[9], rows_turned[4][3];
        for (int i = 0; i < 9; ++i) g[i] = load<S>(filter + (turned ? 8 - i : i) * channels + c, count);
        for (int s = 0; s < 3; ++s) {
          const Four f = turned_filter(g[s], g[3 + s], g[6 + s]);
          rows_turned[0][s] = f.a, rows_turned[1][s] = f.b, rows_turned[2][s] = f.c, rows_turned[3][s] = f.d;
        }
        for (int r = 0; r < 4; ++r) {
          const Four f = turned_filter(rows_turned[r][0], rows_turned[r][1], rows_turned[r][2]);
          float* row = to + 4 * r * stride + k * channels + c;
          store<F32>(row, f.a, count);
          store<F32>(row + stride, f.b, count);
          store<F32>(row + 2 * stride, f.c, count);
          store<F32>(row + 3 * stride, f.d, count);
        }
      });
    }
  });
}

void winograd_upstream(float* to, std::int64_t stride, const WinogradTiles& tiles, Range range) {
  with_storage(tiles.y.dtype, [&]<class S>(S) {
    for (std::int64_t tile = range.begin; tile < range.end; ++tile, to += tiles.filters)
      upstream_tile<S>(to, stride, tiles, place_of(tiles, tile));
  });
}

void winograd_gradient(float* dweight, const float* from, std::int64_t stride, std::int64_t row_stride,
                       std::int64_t channels, bool accumulate, Range rows) {
  for (std::int64_t k = rows.begin; k < rows.end; ++k)
    for_lanes(channels, [&](std::int64_t c, auto count) {
      Floats half[3][4];
      for (int s = 0; s < 4; ++s) {
        const float* column = from + s * stride + k * row_stride + c;
        const Three t = gathered(load<F32>(column, count), load<F32>(column + 4 * stride, count),
                                 load<F32>(column + 8 * stride, count), load<F32>(column + 12 * stride, count));
        half[0][s] = t.a, half[1][s] = t.b, half[2][s] = t.c;
      }
      for (int r = 0; r < 3; ++r) {
        const Three t = gathered(half[r][0], half[r][1], half[r][2], half[r][3]);
        const Floats values[3] = {t.a, t.b, t.c};
        for (int s = 0; s < 3; ++s) {
          float* place = dweight + (k * 9 + 3 * r + s) * channels + c;
          store<F32>(place, accumulate ? load<F32>(place, count) + values[s] : values[s], count);
        }
      }
    });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
