// A classifier of texts: an embedding, a convolution over time, and recurrent layers over what it finds, whose last
// states tell the class (Zhou et al. 2015, "A C-LSTM Neural Network for Text Classification").
#pragma once

#include <cstdint>

#include "runtime/nn/convolution.h"
#include "runtime/nn/dropout.h"
#include "runtime/nn/layers.h"
#include "runtime/nn/recurrent.h"

namespace trireme::models {

struct TextClassifierConfig {
  Cell cell = Cell::lstm;
  std::int64_t vocabulary = 256;
  std::int64_t sequence = 128;  // T: tokens of a sample, padding included
  std::int64_t width = 64;      // of the embedding
  std::int64_t filters = 64;    // of the convolution; 0: there is none
  std::int64_t window = 3;      // tokens that a filter covers, an odd number
  std::int64_t units = 64;      // of each recurrent layer, in each direction
  std::int64_t layers = 1;
  bool bidirectional = true;
  std::int64_t classes = 2;
  float dropout = 0.0f;  // of the convolution's results, between layers, and of the last states
};

void check(const TextClassifierConfig& config);

class TextClassifier : public nn::Module {
 public:
  explicit TextClassifier(const TextClassifierConfig& config);

  // tokens (B, T) i32, lengths (B) i32: how many of them are the text's -> (B, classes).
  Tensor logits(Context& cx, const Tensor& tokens, const Tensor& lengths);
  // Of the products of a forward and backward pass.
  double flops(std::int64_t batch) const;
  const TextClassifierConfig& config() const noexcept { return config_; }

  nn::Embedding tokens;    // (V, width)
  nn::Conv2d convolution;  // over one line of tokens
  nn::Recurrent recurrent;
  nn::Linear output;

 private:
  TextClassifierConfig config_;
  nn::Dropout of_filters_, of_states_;
};

}  // namespace trireme::models
