// Normalisation of images (N, H, W, C).
#pragma once

#include <functional>

#include "runtime/autograd/context.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::ops {

// How those who each have an equal part of a batch come to the statistics of all of it. Empty functions: nobody else.
struct SharedBatch {
  std::int64_t parts = 1;
  std::function<Tensor(Context& cx, const Tensor& mine)> gather;  // (...) of each -> (parts, ...), in a fixed order
  std::function<void(Device& device, Tensor& in_out)> sum;

  explicit operator bool() const { return static_cast<bool>(gather); }
};

struct BatchNormOptions {
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // of the running statistics
  float slope = 1.0f;     // of the result below zero: 0 is a ReLU
  const SharedBatch* shared = nullptr;
};

struct BatchNormState {
  Tensor mean, variance;  // (C) f32, running: moved while training, used otherwise; undefined: the batch's, always
};

// y = sloped(batch norm of x + residual), the residual undefined where there is none. weight and bias (C), or both
// undefined. x of any number of dimensions, the channels innermost.
Tensor batch_norm(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                  const BatchNormState& running, const BatchNormOptions& options);

// weight and bias (C), or both undefined. With as many groups as channels: instance norm.
Tensor group_norm(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias, std::int64_t groups,
                  float epsilon = 1e-5f);

}  // namespace trireme::ops
