// LeNet-5 (LeCun et al. 1998), with full connections between its convolutions, ReLUs and max pooling.
#pragma once

#include "models/network.h"
#include "runtime/nn/layers.h"
#include "runtime/nn/pooling.h"

namespace trireme::models {

struct LeNetConfig {
  std::int64_t size = 28;  // height and width; up to 32, filled up with zeros to 32
  std::int64_t channels = 1;
  std::int64_t classes = 10;
};

class LeNet : public Network {
 public:
  explicit LeNet(const LeNetConfig& config);

  Tensor logits(Context& cx, const Tensor& x) override;
  Shape input() const override { return {config_.size, config_.size, config_.channels}; }
  std::int64_t classes() const override { return config_.classes; }
  double flops(std::int64_t batch) const override;
  const LeNetConfig& config() const noexcept { return config_; }

 private:
  LeNetConfig config_;

 public:
  nn::Conv2d conv_1, conv_2;
  nn::Linear fc_1, fc_2, fc_3;
  nn::MaxPool2d pool;
  nn::Flatten flatten;
};

}  // namespace trireme::models
