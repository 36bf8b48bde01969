// Residual networks (He et al. 2016): ResNet-18, -34 and -50, the last with its stride in the 3 x 3 convolutions
// (v1.5).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "models/network.h"
#include "runtime/nn/image_norm.h"
#include "runtime/nn/layers.h"
#include "runtime/nn/pooling.h"

namespace trireme::models {

struct ResNetConfig {
  std::int64_t depth = 18;  // 18, 34 or 50
  std::int64_t size = 224;  // height and width
  std::int64_t channels = 3;
  std::int64_t classes = 1000;
  bool small = false;  // for images of 32 x 32 or so: a stem of 3 x 3 that does not shrink them
};

// A convolution without bias, and batch norm.
class NormedConvolution : public nn::Module {
 public:
  struct Options {
    std::int64_t in = 1, out = 1, filter = 1, stride = 1;
    float slope = 1.0f;  // behind the norm
  };
  explicit NormedConvolution(const Options& options);
  Tensor forward(Context& cx, const Tensor& x, const Tensor& residual = {});

  nn::Conv2d conv;
  nn::BatchNorm2d norm;
};

// Two convolutions of 3 x 3, or three of 1 x 1, 3 x 3 and 1 x 1, around which the input goes by.
class ResidualBlock : public nn::Module {
 public:
  struct Options {
    std::int64_t in = 1, width = 1, stride = 1;
    bool bottleneck = false;

    std::int64_t out() const { return bottleneck ? 4 * width : width; }
  };
  explicit ResidualBlock(const Options& options);
  Tensor forward(Context& cx, const Tensor& x);
  void pass(Passage& image) const;

 private:
  std::vector<std::unique_ptr<NormedConvolution>> main_;
  std::unique_ptr<NormedConvolution> shortcut_;  // null: the input itself
};

class ResNet : public Network {
 public:
  explicit ResNet(const ResNetConfig& config);

  Tensor logits(Context& cx, const Tensor& x) override;
  Shape input() const override { return {config_.size, config_.size, config_.channels}; }
  std::int64_t classes() const override { return config_.classes; }
  double flops(std::int64_t batch) const override;

 private:
  ResNetConfig config_;
  NormedConvolution stem_;
  nn::MaxPool2d pool_;
  std::vector<std::unique_ptr<ResidualBlock>> blocks_;
  nn::AdaptiveAvgPool2d average_;
  nn::Flatten flatten_;
  nn::Linear head_;
};

}  // namespace trireme::models
