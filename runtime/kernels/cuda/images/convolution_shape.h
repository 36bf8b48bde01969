// A convolution's sizes, by which plans are known.
#pragma once

#include <cstdint>

#include "runtime/base/dtype.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::cuda {

// x (N, H, W, C), weights (K, R, S, C / G), y (N, P, Q, K).
struct ConvolutionShape {
  std::int64_t images = 1, height = 1, width = 1, channels = 8;
  std::int64_t filters = 8;
  Window window{};
  std::int64_t groups = 1;
  DType dtype = DType::bf16;   // of the factors
  DType result = DType::bf16;  // of what is computed: that, or fp32

  std::int64_t out_height() const { return window.height.out(height); }
  std::int64_t out_width() const { return window.width.out(width); }
  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;
};

}  // namespace trireme::cuda
