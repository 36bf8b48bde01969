// Convolutions of images (N, H, W, C).
#pragma once

#include "runtime/autograd/context.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::ops {

struct ConvolutionOptions {
  Window window{};
  std::int64_t groups = 1;
  float slope = 1.0f;  // of the result below zero: 0 is a ReLU
};

// x (N, H, W, C), weight (K, R, S, C / groups), bias (K) or undefined -> (N, P, Q, K).
Tensor convolution(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const ConvolutionOptions& options);

// The same the other way: x (N, P, Q, K), weight (K, R, S, C / groups), bias (C) or undefined -> (N, H, W, C), of which
// convolution() with these options would make P x Q.
struct Size {
  std::int64_t height = 0, width = 0;
};
Tensor transposed_convolution(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                              const ConvolutionOptions& options, const Size& size);

}  // namespace trireme::ops
