// Layers without parameters that change the size of images.
#pragma once

#include "runtime/nn/convolution.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/pooling.h"

namespace trireme::nn {

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const Window& window) : window_(window) {}
  Tensor forward(Context& cx, const Tensor& x) { return ops::max_pool(cx, x, window_); }

 private:
  Window window_;
};

class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const Window& window) : window_(window) {}
  Tensor forward(Context& cx, const Tensor& x) { return ops::average_pool(cx, x, window_); }

 private:
  Window window_;
};

class AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(const ops::Size& size) : size_(size) {}
  Tensor forward(Context& cx, const Tensor& x) { return ops::adaptive_average_pool(cx, x, size_); }

 private:
  ops::Size size_;
};

class Upsample : public Module {
 public:
  Upsample(std::int64_t factor, Resampling how) : factor_(factor), how_(how) {}
  Tensor forward(Context& cx, const Tensor& x) {
    return ops::resample(cx, x, {factor_ * x.size(1), factor_ * x.size(2)}, how_);
  }

 private:
  std::int64_t factor_;
  Resampling how_;
};

// (N, ...) -> (N, product of the others).
class Flatten : public Module {
 public:
  Tensor forward(Context& cx, const Tensor& x) {
    return ops::reshape(cx, x, {x.size(0), x.size(0) == 0 ? 0 : x.numel() / x.size(0)});
  }
};

}  // namespace trireme::nn
