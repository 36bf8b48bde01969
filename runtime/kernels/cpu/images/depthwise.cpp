// One filter for each channel: no sum over channels, so no matrix product; pixels are lines of channels.
#include <vector>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"
#include "runtime/kernels/cpu/images/taps.h"

namespace trireme::cpu {
namespace {

// weight (channels, taps) as fp32 (taps, channels).
void turn(float* to, const float* weight, std::int64_t channels, std::int64_t taps) {
  for (std::int64_t t = 0; t < taps; ++t)
    for (std::int64_t c = 0; c < channels; ++c) to[t * channels + c] = weight[c * taps + t];
}

std::int64_t pixel(const Tensor& x, std::int64_t n, std::int64_t h, std::int64_t w) {
  return ((n * x.size(1) + h) * x.size(2) + w) * x.size(3);
}

bool inside(std::int64_t at, std::int64_t size) {
  return at >= 0 && at < size;
}

PixelGrid line_at(Tensor& y, std::int64_t element, const float* bias, float slope) {
  return {.y = moved(array_of(y), element),
          .height = 1,
          .width = 1,
          .channels = y.size(3),
          .first = 0,
          .grid_height = 1,
          .grid_width = 1,
          .stride_height = 1,
          .stride_width = 1,
          .first_height = 0,
          .first_width = 0,
          .bias = bias,
          .slope = slope};
}

}  // namespace

void CpuImages::depthwise(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) {
  const std::int64_t channels = y.size(3), taps = how.window.places();
  const AsFloats filters(&weight, level_, scratch_), bias(how.bias, level_, scratch_);
  const Scratch::Lease turned = scratch_.take(taps * channels);
  turn(turned.data(), filters.data(), channels, taps);
  const std::vector<Place> down = forward_places(how.window.height), across = forward_places(how.window.width);
  for_range(y.size(0) * y.size(1), y.size(2) * channels * taps, [&](Range rows) {
    const Scratch::Lease sums = scratch_.take(channels);
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      for (std::int64_t q = 0; q < y.size(2); ++q) {
        const std::int64_t n = row / y.size(1), p = row % y.size(1);
        std::fill(sums.data(), sums.data() + channels, 0.0f);
        for (const Place& r : down)
          for (const Place& s : across) {
            const std::int64_t h = p * how.window.height.stride + r.distance,
                               w = q * how.window.width.stride + s.distance;
            if (inside(h, x.size(1)) && inside(w, x.size(2)))
              images_.multiply_add(sums.data(), moved(array_of(x), pixel(x, n, h, w)),
                                   turned.data() + (r.number * how.window.width.filter + s.number) * channels,
                                   channels);
          }
        images_.put_rows(line_at(y, pixel(y, n, p, q), bias.data(), how.slope), sums.data(), channels, channels,
                         {0, 1});
      }
  });
}

void CpuImages::depthwise_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) {
  const std::int64_t channels = dx.size(3), taps = how.window.places();
  const AsFloats filters(&weight, level_, scratch_), bias(how.bias, level_, scratch_);
  const Scratch::Lease turned = scratch_.take(taps * channels);
  turn(turned.data(), filters.data(), channels, taps);
  for_range(dx.size(0) * dx.size(1), dx.size(2) * channels * taps, [&](Range rows) {
    const Scratch::Lease sums = scratch_.take(channels);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      const std::int64_t n = row / dx.size(1), h = row % dx.size(1);
      const std::vector<Place> down = backward_places(how.window.height, h);
      for (std::int64_t w = 0; w < dx.size(2); ++w) {
        std::fill(sums.data(), sums.data() + channels, 0.0f);
        for (const Place& r : down)
          for (const Place& s : backward_places(how.window.width, w))
            if (inside(r.distance, dy.size(1)) && inside(s.distance, dy.size(2)))
              images_.multiply_add(sums.data(), moved(array_of(dy), pixel(dy, n, r.distance, s.distance)),
                                   turned.data() + (r.number * how.window.width.filter + s.number) * channels,
                                   channels);
        images_.put_rows(line_at(dx, pixel(dx, n, h, w), bias.data(), how.slope), sums.data(), channels, channels,
                         {0, 1});
      }
    }
  });
}

void CpuImages::depthwise_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how,
                                 bool accumulate) {
  const std::int64_t channels = x.size(3), taps = how.window.places();
  const std::vector<Place> down = forward_places(how.window.height), across = forward_places(how.window.width);
  const Scratch::Lease total = scratch_.take(taps * channels);
  sum_over(dy.size(0) * dy.size(1), dy.size(2) * channels * taps, taps * channels, total.data(),
           [&](float* sums, Range rows) {
             for (std::int64_t row = rows.begin; row < rows.end; ++row)
               for (std::int64_t q = 0; q < dy.size(2); ++q) {
                 const std::int64_t n = row / dy.size(1), p = row % dy.size(1);
                 for (const Place& r : down)
                   for (const Place& s : across) {
                     const std::int64_t h = p * how.window.height.stride + r.distance;
                     const std::int64_t w = q * how.window.width.stride + s.distance;
                     if (inside(h, x.size(1)) && inside(w, x.size(2)))
                       images_.add_products(sums + (r.number * how.window.width.filter + s.number) * channels,
                                            moved(array_of(x), pixel(x, n, h, w)),
                                            moved(array_of(dy), pixel(dy, n, p, q)), channels);
                   }
               }
           });
  auto* to = dweight.data<float>();
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t t = 0; t < taps; ++t)
      to[c * taps + t] = total.data()[t * channels + c] + (accumulate ? to[c * taps + t] : 0.0f);
}

}  // namespace trireme::cpu
