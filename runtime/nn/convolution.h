// Convolutions of images (N, H, W, C).
#pragma once

#include "runtime/nn/module.h"
#include "runtime/ops/convolution.h"

namespace trireme::nn {

// A square window, with as much padding on each side.
Window square(std::int64_t filter, std::int64_t stride = 1, std::int64_t padding = 0, std::int64_t dilation = 1);
// With stride 1: outputs as large as inputs.
Window same(std::int64_t filter, std::int64_t dilation = 1);

struct ConvolutionOptions {
  Window window = square(3);
  std::int64_t groups = 1;
  bool bias = true;
  float slope = 1.0f;                                   // fused: 0 is a ReLU
  Init weight = {Init::Kind::he_uniform, 0.40824829f};  // uniform in 1 / sqrt(fan in)
  Init bias_init = Init::zero();
};

class Conv2d : public Module {
 public:
  Conv2d(std::int64_t in, std::int64_t out, const ConvolutionOptions& options);
  Tensor forward(Context& cx, const Tensor& x);
  const ConvolutionOptions& options() const noexcept { return options_; }
  // Of one forward pass of one image of this size.
  double flops(const ops::Size& image) const;
  ops::Size out(const ops::Size& image) const;

  Parameter weight;  // (out, R, S, in / groups)
  Parameter bias;    // (out); not registered without bias

 private:
  ConvolutionOptions options_;
};

// The way back of a convolution from `out` channels to `in`: with stride 2 it doubles images.
class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(std::int64_t in, std::int64_t out, const ConvolutionOptions& options);
  // The smallest image that the convolution would make x of.
  Tensor forward(Context& cx, const Tensor& x);
  double flops(const ops::Size& image) const;
  ops::Size out(const ops::Size& image) const;

  Parameter weight;  // (in, R, S, out / groups)
  Parameter bias;    // (out); not registered without bias

 private:
  ConvolutionOptions options_;
};

}  // namespace trireme::nn
