// Where pixels lie, and which of them a window covers.
#pragma once

#include <cstdint>

#include "runtime/kernels/image_kernels.h"

namespace trireme::reference {

// The sizes of (N, H, W, C) and the index of an element.
struct Image {
  std::int64_t images, height, width, channels;

  explicit Image(const Tensor& x) : images(x.size(0)), height(x.size(1)), width(x.size(2)), channels(x.size(3)) {}
  std::size_t at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
    return static_cast<std::size_t>(((n * height + h) * width + w) * channels + c);
  }
  std::int64_t rows() const { return images * height * width; }
};

// visit(n, p, q, r, s, h, w) for every place (r, s) of the window at every output (n, p, q) that covers a pixel (h, w).
template <class Visit>
void for_places(const Image& x, const Image& y, const Window& window, Visit&& visit) {
  for (std::int64_t n = 0; n < y.images; ++n)
    for (std::int64_t p = 0; p < y.height; ++p)
      for (std::int64_t q = 0; q < y.width; ++q)
        for (std::int64_t r = 0; r < window.height.filter; ++r)
          for (std::int64_t s = 0; s < window.width.filter; ++s) {
            const std::int64_t h = p * window.height.stride + r * window.height.dilation - window.height.before;
            const std::int64_t w = q * window.width.stride + s * window.width.dilation - window.width.before;
            if (h >= 0 && h < x.height && w >= 0 && w < x.width) visit(n, p, q, r, s, h, w);
          }
}

inline double sloped(double x, float slope) {
  if (!(x < 0)) return x;
  return slope == 0 ? 0 : double{slope} * x;
}

}  // namespace trireme::reference
