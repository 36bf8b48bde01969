// Batch norm over a matrix of pixels. Long rows a few at a time, so that what is known of channels is loaded once for
// them; short ones one by one, as they lie in memory.
#include "runtime/kernels/cpu/level/image_declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"
#include "runtime/kernels/formulas/sloped.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

constexpr std::int64_t together = 4, long_row = 512;

template <class S>
typename S::Element* at(Array x, std::int64_t element) {
  return x.data ? static_cast<typename S::Element*>(x.data) + element : nullptr;
}

// body(first row, rows) for a few rows at a time.
template <class Body>
[[gnu::always_inline]] inline void for_few(std::int64_t columns, Range range, Body&& body) {
  std::int64_t row = range.begin;
  if (columns >= long_row)
    for (; row + together <= range.end; row += together) body(row, together);
  for (; row < range.end; ++row) body(row, std::int64_t{1});
}

}  // namespace

void channel_stats(float* mean, float* squares, Array x, std::int64_t columns, Range rows) {
  const std::int64_t count = rows.end - rows.begin;
  const float share = 1.0f / static_cast<float>(count);
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* from = at<S>(x, rows.begin * columns);
    for (std::int64_t c = 0; c < columns; ++c) mean[c] = 0, squares[c] = 0;
    for_few(columns, {0, count}, [&](std::int64_t row, std::int64_t few) {
      for_lanes(columns, [&](std::int64_t c, auto part) {
        Floats sum = load<F32>(mean + c, part);
        for (std::int64_t r = 0; r < few; ++r) sum += load<S>(from + (row + r) * columns + c, part);
        store<F32>(mean + c, sum, part);
      });
    });
    for_lanes(columns,
              [&](std::int64_t c, auto part) { store<F32>(mean + c, load<F32>(mean + c, part) * share, part); });
    for_few(columns, {0, count}, [&](std::int64_t row, std::int64_t few) {
      for_lanes(columns, [&](std::int64_t c, auto part) {
        const Floats centre = load<F32>(mean + c, part);
        Floats sum = load<F32>(squares + c, part);
        for (std::int64_t r = 0; r < few; ++r) {
          const Floats distance = load<S>(from + (row + r) * columns + c, part) - centre;
          sum += distance * distance;
        }
        store<F32>(squares + c, sum, part);
      });
    });
  });
}

void channel_norm(const ChannelRows& rows, Range range) {
  with_storage(rows.x.dtype, [&]<class S>(S) {
    for_few(rows.columns, range, [&](std::int64_t row, std::int64_t few) {
      const std::int64_t begin = row * rows.columns;
      const auto *x = at<S>(rows.x, begin), *residual = at<S>(rows.residual, begin);
      auto* y = at<S>(rows.y, begin);
      for_lanes(rows.columns, [&](std::int64_t c, auto part) {
        const Floats mean = load<F32>(rows.mean + c, part), scale = load<F32>(rows.scale + c, part);
        const Floats shift = load<F32>(rows.shift + c, part);
        for (std::int64_t r = 0; r < few; ++r) {
          const std::int64_t place = r * rows.columns + c;
          Floats value = (load<S>(x + place, part) - mean) * scale + shift;
          if (residual) value += load<S>(residual + place, part);
          if (rows.slope != 1.0f) value = formulas::sloped(value, rows.slope);
          store<S>(y + place, value, part);
        }
      });
    });
  });
}

void channel_norm_sums(const ChannelRows& rows, Array g, float* products, float* sums, Range range) {
  with_storage(rows.x.dtype, [&]<class S>(S) {
    for_few(rows.columns, range, [&](std::int64_t row, std::int64_t few) {
      const std::int64_t begin = row * rows.columns;
      const auto *x = at<S>(rows.x, begin), *dy = at<S>(rows.dy, begin), *y = at<S>(rows.y, begin);
      auto* masked = at<S>(g, begin);
      for_lanes(rows.columns, [&](std::int64_t c, auto part) {
        const Floats mean = load<F32>(rows.mean + c, part), scale = load<F32>(rows.scale + c, part);
        const Floats shift = load<F32>(rows.shift + c, part);
        Floats product = load<F32>(products + c, part), sum = load<F32>(sums + c, part);
        for (std::int64_t r = 0; r < few; ++r) {
          const std::int64_t place = r * rows.columns + c;
          const Floats distance = load<S>(x + place, part) - mean;
          Floats gradient = load<S>(dy + place, part);
          if (rows.slope != 1.0f) {
            const Floats sign = y ? load<S>(y + place, part) : distance * scale + shift;
            gradient = gradient * formulas::let_through(sign, rows.slope);
          }
          product += gradient * distance;
          sum += gradient;
          if (masked) store<S>(masked + place, gradient, part);
        }
        store<F32>(products + c, product, part);
        store<F32>(sums + c, sum, part);
      });
    });
  });
}

void channel_norm_grad(const ChannelRows& rows, const float* bias, Range range) {
  with_storage(rows.x.dtype, [&]<class S>(S) {
    for_few(rows.columns, range, [&](std::int64_t row, std::int64_t few) {
      const std::int64_t begin = row * rows.columns;
      const auto *x = at<S>(rows.x, begin), *dy = at<S>(rows.dy, begin);
      auto* dx = at<S>(rows.y, begin);
      for_lanes(rows.columns, [&](std::int64_t c, auto part) {
        const Floats mean = load<F32>(rows.mean + c, part), scale = load<F32>(rows.scale + c, part);
        const Floats shift = load<F32>(rows.shift + c, part), tilt = load<F32>(rows.tilt + c, part);
        const Floats offset = load<F32>(bias + c, part);
        for (std::int64_t r = 0; r < few; ++r) {
          const std::int64_t place = r * rows.columns + c;
          const Floats distance = load<S>(x + place, part) - mean;
          Floats gradient = load<S>(dy + place, part);
          if (rows.slope != 1.0f) gradient = gradient * formulas::let_through(distance * scale + offset, rows.slope);
          store<S>(dx + place, gradient * scale - shift - distance * tilt, part);
        }
      });
    });
  });
}

void slope_grad(Array dx, Array dy, Array y, float slope, std::int64_t columns, float* sums, Range rows) {
  with_storage(y.dtype, [&]<class S>(S) {
    for_few(columns, rows, [&](std::int64_t row, std::int64_t few) {
      const auto *upstream = at<S>(dy, row * columns), *result = at<S>(y, row * columns);
      auto* to = at<S>(dx, row * columns);
      for_lanes(columns, [&](std::int64_t c, auto part) {
        Floats sum = sums ? load<F32>(sums + c, part) : zeros();
        for (std::int64_t r = 0; r < few; ++r) {
          const std::int64_t place = r * columns + c;
          const Floats gradient =
              load<S>(upstream + place, part) * formulas::let_through(load<S>(result + place, part), slope);
          store<S>(to + place, gradient, part);
          sum += gradient;
        }
        if (sums) store<F32>(sums + c, sum, part);
      });
    });
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
