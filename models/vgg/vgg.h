// VGG-16 (Simonyan & Zisserman 2015).
#pragma once

#include <memory>
#include <vector>

#include "models/network.h"
#include "runtime/nn/dropout.h"
#include "runtime/nn/layers.h"
#include "runtime/nn/pooling.h"

namespace trireme::models {

struct VggConfig {
  std::int64_t size = 224;  // height and width: 32 or more
  std::int64_t channels = 3;
  std::int64_t classes = 1000;
  std::int64_t width = 64;     // filters of the first stage; later ones have up to eight times as many
  std::int64_t hidden = 4096;  // units of each of the two hidden layers
  float dropout = 0.5f;        // after each of them
};

class Vgg : public Network {
 public:
  explicit Vgg(const VggConfig& config);

  Tensor logits(Context& cx, const Tensor& x) override;
  Shape input() const override { return {config_.size, config_.size, config_.channels}; }
  std::int64_t classes() const override { return config_.classes; }
  double flops(std::int64_t batch) const override;

 private:
  VggConfig config_;
  std::int64_t features_;  // of the last stage
  std::vector<std::vector<std::unique_ptr<nn::Conv2d>>> stages_;
  nn::MaxPool2d pool_;
  nn::AdaptiveAvgPool2d average_;  // to 7 x 7, for images of any size
  nn::Flatten flatten_;
  nn::Linear fc_1_, fc_2_, fc_3_;
  nn::Dropout dropout_1_, dropout_2_;
};

}  // namespace trireme::models
