// A multilayer perceptron classifier: fully connected layers with an activation between them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/network.h"
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

// A piece of the model, for a pipeline's stage: layers [begin, end), the loss behind the last.
struct MlpPiece {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Fully connected layers: the hidden ones and the last.
inline std::int64_t layers_of(const MlpConfig& config) {
  return static_cast<std::int64_t>(config.hidden.size()) + 1;
}

class Mlp : public Network {
 public:
  explicit Mlp(const MlpConfig& config);
  // Some pieces alone. Names and initial values are those of the whole model's parameters.
  Mlp(const MlpConfig& config, std::vector<MlpPiece> pieces);

  // One piece: `x` is what the piece before it gave, or the features; the answer is the next piece's x, or the logits.
  // x (B, input_width(piece)), answer (B, output_width(piece)), of which a split layer has a part.
  Tensor forward(Context& cx, int piece, const Tensor& x) override;
  std::int64_t input_width(int piece) const;
  std::int64_t output_width(int piece) const;
  bool begins(int piece) const override { return piece_at(piece).begin == 0; }
  bool ends(int piece) const override { return piece_at(piece).end == layers_of(config_); }
  Shape taken(int piece) const override { return {input_width(piece)}; }
  Shape given(int piece) const override { return {output_width(piece)}; }
  const std::vector<MlpPiece>& pieces() const noexcept { return pieces_; }

  // Of a whole model.
  Tensor logits(Context& cx, const Tensor& x) override;  // (B, inputs) -> (B, classes)
  // Mean cross entropy, nats. labels (B) i32.
  Tensor loss(Context& cx, const Tensor& x, const Tensor& labels);

  const MlpConfig& config() const noexcept { return config_; }
  Shape input() const override { return {config_.inputs}; }
  std::int64_t classes() const override { return config_.classes; }
  double flops(std::int64_t batch) const override;

 private:
  const MlpPiece& piece_at(int piece) const { return pieces_[static_cast<std::size_t>(piece)]; }
  std::size_t first_of(int piece) const;  // its first layer among those here
  Tensor run_layer(Context& cx, std::size_t layer, const Tensor& x);

  MlpConfig config_;
  std::vector<MlpPiece> pieces_;

 public:
  std::vector<std::unique_ptr<nn::Linear>> layers;     // of all pieces, one after the other
  std::vector<std::unique_ptr<nn::Dropout>> dropouts;  // behind each layer; null behind the model's last
  std::vector<std::int64_t> numbers;                   // of the layers in the whole model
};

}  // namespace trireme::models
