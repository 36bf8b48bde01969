// A multilayer perceptron classifier: fully connected layers with an activation between them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/nn/dropout.h"
#include "runtime/nn/layers.h"

namespace trireme::models {

struct MlpConfig {
  std::int64_t inputs = 784;
  std::vector<std::int64_t> hidden = {512};  // empty: a single-layer perceptron
  std::int64_t classes = 10;
  Activation activation = Activation::relu;
  float dropout = 0.0f;  // after each hidden layer
  nn::Init init = nn::LinearOptions{}.weight;
};

class Mlp : public nn::Module {
 public:
  explicit Mlp(const MlpConfig& config);

  Tensor logits(Context& cx, const Tensor& x);  // (B, inputs) -> (B, classes)
  // Mean cross entropy, nats. labels (B) i32.
  Tensor loss(Context& cx, const Tensor& x, const Tensor& labels);

  const MlpConfig& config() const noexcept { return config_; }
  // Matrix products of one forward and backward pass; the data needs no gradient.
  double flops(std::int64_t batch) const;

 private:
  MlpConfig config_;

 public:
  std::vector<std::unique_ptr<nn::Linear>> layers;
  std::vector<std::unique_ptr<nn::Dropout>> dropouts;  // behind each layer but the last
};

}  // namespace trireme::models
