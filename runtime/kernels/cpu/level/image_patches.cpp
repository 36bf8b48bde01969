// Convolutions as matrix products: the matrix of what windows cover is never whole, a block of it at a time is put
// together beside the product that reads it.
#include "runtime/kernels/cpu/image_level.h"
#include "runtime/kernels/cpu/level/image_declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"
#include "runtime/kernels/formulas/sloped.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

constexpr std::int64_t panel = tile_vectors * native_lanes;

template <class S>
[[gnu::always_inline]] inline void copy_floats(float* to, const typename S::Element* from, std::int64_t count) {
  if constexpr (__is_same(S, F32)) {
    if (count < lanes) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
      return;
    }
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) store<F32>(to + i, load<S>(from + i));
    if (i < count) store<F32>(to + count - lanes, load<S>(from + count - lanes));
  } else {
    for_lanes(count, [=](std::int64_t i, auto part) { store<F32>(to + i, load<S>(from + i, part), part); });
  }
}

[[gnu::always_inline]] inline void clear(float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = 0;
}

// Where a window of the grid stands.
struct Stand {
  std::int64_t image, height, width;
};
Stand stand_of(const Patches& p, std::int64_t row) {
  const std::int64_t b = row % p.grid_width, rest = row / p.grid_width;
  return {rest / p.grid_height, rest % p.grid_height * p.stride_height, b * p.stride_width};
}
void advance(Stand& stand, const Patches& p) {
  stand.width += p.stride_width;
  if (stand.width < p.grid_width * p.stride_width) return;
  stand.width = 0;
  stand.height += p.stride_height;
  if (stand.height < p.grid_height * p.stride_height) return;
  stand.height = 0;
  ++stand.image;
}

// Columns [begin, end) of a run at a place.
template <class S>
void copy_run(float* to, const Patches& p, const Stand& stand, const TapRun& run, std::int64_t begin,
              std::int64_t end) {
  const std::int64_t h = stand.height + run.height, w = stand.width + run.width;
  if (h < 0 || h >= p.height || w + run.taps <= 0 || w >= p.width) return clear(to, end - begin);
  const auto* x = static_cast<const typename S::Element*>(p.x.data) +
                  ((stand.image * p.height + h) * p.width + w) * p.channels + p.first;
  std::int64_t first = w < 0 ? -w * p.group : 0;
  std::int64_t last = w + run.taps > p.width ? (p.width - w) * p.group : run.taps * p.group;
  first = first < begin ? begin : (first > end ? end : first);
  last = last > end ? end : (last < first ? first : last);
  clear(to, first - begin);
  copy_floats<S>(to + first - begin, x + first, last - first);
  clear(to + last - begin, end - last);
}

template <class S>
void copy_row(float* to, const Patches& p, const Stand& stand, Range columns) {
  std::int64_t at = 0;  // column where the run begins
  for (std::int64_t i = 0; i < p.run_count && at < columns.end; ++i) {
    const std::int64_t size = p.runs[i].taps * p.group;
    const std::int64_t begin = columns.begin > at ? columns.begin - at : 0;
    const std::int64_t end = columns.end - at < size ? columns.end - at : size;
    if (begin < end) copy_run<S>(to + at + begin - columns.begin, p, stand, p.runs[i], begin, end);
    at += size;
  }
}

}  // namespace

void patch_rows(float* to, const Patches& patches, Range rows, Range columns) {
  with_storage(patches.x.dtype, [&]<class S>(S) {
    Stand stand = stand_of(patches, rows.begin);
    for (std::int64_t row = rows.begin; row < rows.end; ++row, to += columns.end - columns.begin) {
      copy_row<S>(to, patches, stand, columns);
      advance(stand, patches);
    }
  });
}

void patch_panels(float* to, const Patches& patches, Range rows, Range columns, float* line) {
  const std::int64_t width = columns.end - columns.begin, depth = rows.end - rows.begin;
  const std::int64_t panels = (width + panel - 1) / panel;
  clear(line + width, panels * panel - width);
  with_storage(patches.x.dtype, [&]<class S>(S) {
    Stand stand = stand_of(patches, rows.begin);
    for (std::int64_t k = 0; k < depth; ++k) {
      copy_row<S>(line, patches, stand, columns);
      advance(stand, patches);
      float* place = to + k * panel;
      for (std::int64_t p = 0; p < panels; ++p, place += depth * panel)
        __builtin_memcpy(place, line + p * panel, panel * sizeof(float));
    }
  });
}

void put_rows(const PixelGrid& to, const float* sums, std::int64_t stride, std::int64_t columns, Range rows) {
  with_storage(to.y.dtype, [&]<class S>(S) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row, sums += stride) {
      const std::int64_t b = row % to.grid_width, rest = row / to.grid_width, n = rest / to.grid_height;
      const std::int64_t h = rest % to.grid_height * to.stride_height + to.first_height;
      const std::int64_t w = b * to.stride_width + to.first_width;
      auto* y =
          static_cast<typename S::Element*>(to.y.data) + ((n * to.height + h) * to.width + w) * to.channels + to.first;
      for_lanes(columns, [&](std::int64_t c, auto count) {
        Floats value = load<F32>(sums + c, count);
        if (to.bias) value += load<F32>(to.bias + c, count);
        if (to.slope != 1.0f) value = formulas::sloped(value, to.slope);
        store<S>(y + c, value, count);
      });
    }
  });
}

void pack_taps(float* to, Array weight, std::int64_t filters, std::int64_t all_taps, std::int64_t columns,
               std::int64_t first_column, const std::int64_t* taps, Range depth) {
  const std::int64_t count = columns - first_column < panel ? columns - first_column : panel;
  with_storage(weight.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(weight.data);
    for (std::int64_t k = depth.begin; k < depth.end; ++k, to += panel) {
      const auto* row = from + (k % filters * all_taps + taps[k / filters]) * columns + first_column;
      copy_floats<S>(to, row, count);
      clear(to + count, panel - count);
    }
  });
}

void multiply_add(float* sums, Array x, const float* factors, std::int64_t count) {
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(x.data);
    for_lanes(count, [=](std::int64_t i, auto part) {
      store<F32>(sums + i, load<F32>(sums + i, part) + load<S>(from + i, part) * load<F32>(factors + i, part), part);
    });
  });
}

void add_products(float* sums, Array x, Array y, std::int64_t count) {
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* left = static_cast<const typename S::Element*>(x.data);
    const auto* right = static_cast<const typename S::Element*>(y.data);
    for_lanes(count, [=](std::int64_t i, auto part) {
      store<F32>(sums + i, load<F32>(sums + i, part) + load<S>(left + i, part) * load<S>(right + i, part), part);
    });
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
