// U-Net (Ronneberger et al. 2015), with padded convolutions and batch norm: marks every pixel of an image with a class.
#pragma once

#include <memory>
#include <vector>

#include "models/network.h"
#include "runtime/nn/image_norm.h"
#include "runtime/nn/pooling.h"

namespace trireme::models {

struct UNetConfig {
  std::int64_t size = 64;  // height and width: a multiple of 2^levels
  std::int64_t channels = 3;
  std::int64_t classes = 2;
  std::int64_t width = 64;  // filters at the top; twice as many on each level below
  std::int64_t levels = 4;  // by how many halvings the image shrinks
};

// Twice a convolution of 3 x 3, batch norm and ReLU.
class DoubleConvolution : public nn::Module {
 public:
  DoubleConvolution(std::int64_t in, std::int64_t out);
  Tensor forward(Context& cx, const Tensor& x);

  nn::Conv2d conv_1;
  nn::BatchNorm2d norm_1;
  nn::Conv2d conv_2;
  nn::BatchNorm2d norm_2;
};

class UNet : public Network {
 public:
  explicit UNet(const UNetConfig& config);

  Tensor logits(Context& cx, const Tensor& x) override;  // (B, H, W, C) -> (B, H, W, classes)
  Shape input() const override { return {config_.size, config_.size, config_.channels}; }
  std::int64_t classes() const override { return config_.classes; }
  double flops(std::int64_t batch) const override;

 private:
  UNetConfig config_;
  std::vector<std::unique_ptr<DoubleConvolution>> down_, up_;  // the last of down_ is the bottom; up_ from there
  std::vector<std::unique_ptr<nn::ConvTranspose2d>> grow_;
  nn::MaxPool2d pool_;
  nn::Conv2d head_;
};

}  // namespace trireme::models
