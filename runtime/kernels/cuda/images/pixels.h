// Images as kernels see them: sizes, and one thread for each element.
#pragma once

#include <cstdint>

#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::cuda {

// (N, H, W, C).
struct Image {
  std::int64_t images, height, width, channels;

  __device__ std::int64_t at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
    return ((n * height + h) * width + w) * channels + c;
  }
  __host__ __device__ std::int64_t count() const { return images * height * width * channels; }
};
inline Image image_of(const Tensor& x) {
  return {x.size(0), x.size(1), x.size(2), x.size(3)};
}

struct Pixel {
  std::int64_t n, h, w, c;
};
__device__ inline Pixel pixel_of(const Image& image, std::int64_t element) {
  const std::int64_t c = element % image.channels, pixel = element / image.channels;
  const std::int64_t w = pixel % image.width, row = pixel / image.width;
  return {row / image.height, row % image.height, w, c};
}

// Pixels of images without channels, from `first` on in equal steps. No division on the way: one of 64 bits is a call.
struct PixelWalk {
  std::int64_t n, h, w, number;

  __device__ PixelWalk(const Image& image, std::int64_t first, std::int64_t step)
      : number(first), image_height_(image.height), image_width_(image.width), step_(step) {
    const Pixel at = pixel_of({image.images, image.height, image.width, 1}, first);
    n = at.n, h = at.h, w = at.w;
    const Pixel by = pixel_of({image.images, image.height, image.width, 1}, step);
    step_n_ = by.n, step_h_ = by.h, step_w_ = by.w;
  }
  __device__ void advance() {
    number += step_;
    n += step_n_, h += step_h_, w += step_w_;
    if (w >= image_width_) w -= image_width_, ++h;
    if (h >= image_height_) h -= image_height_, ++n;
  }

 private:
  std::int64_t image_height_, image_width_, step_, step_n_, step_h_, step_w_;
};

// body(pixel, element) for every element of an image, one after the other for each thread.
template <class Body>
__device__ void for_pixels(const Image& image, Body&& body) {
  const std::int64_t count = image.count();
  for (std::int64_t i = thread_index(); i < count; i += thread_count()) body(pixel_of(image, i), i);
}

// The output that stands so that place r covers pixel h, or -1.
__device__ inline std::int64_t standing(const Side& side, std::int64_t h, std::int64_t r, std::int64_t outs) {
  const std::int64_t distance = h + side.before - r * side.dilation;
  if (distance < 0 || distance % side.stride != 0) return -1;
  const std::int64_t p = distance / side.stride;
  return p < outs ? p : -1;
}
__device__ inline std::int64_t covered(const Side& side, std::int64_t p, std::int64_t r, std::int64_t size) {
  const std::int64_t h = p * side.stride + r * side.dilation - side.before;
  return h < size ? h : -1;  // negative where it lies outside
}

}  // namespace trireme::cuda
