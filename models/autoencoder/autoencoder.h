// An autoencoder of images, plain or variational (Kingma & Welling 2014): strided convolutions to a code of a few
// numbers, and back.
#pragma once

#include <memory>
#include <vector>

#include "runtime/nn/convolution.h"
#include "runtime/nn/layers.h"

namespace trireme::models {

struct AutoencoderConfig {
  std::int64_t size = 28;     // height and width: 4 to 7 times a power of two
  std::int64_t channels = 1;  // of the images, in [0, 1]
  std::int64_t width = 32;    // filters beside the images; twice as many with each halving
  std::int64_t code = 32;     // numbers that an image becomes
  bool variational = false;   // a code is a distribution
};

// A code is `mean`, or, where it is a distribution, a normal one with a deviation for each number.
struct Code {
  Tensor mean;  // (B, code)
  Tensor
      spread;  // (B, code): deviation = 2 sigmoid(spread), so that it has a logarithm; undefined where not variational
};

class Autoencoder : public nn::Module {
 public:
  explicit Autoencoder(const AutoencoderConfig& config);
  Code encode(Context& cx, const Tensor& images);
  // (B, code) -> (B, size, size, channels): logits of pixels, each of which is taken as the probability of white.
  Tensor decode(Context& cx, const Tensor& code);
  const AutoencoderConfig& config() const noexcept { return config_; }
  double flops(std::int64_t batch) const;  // of a forward and backward pass

 private:
  AutoencoderConfig config_;
  std::int64_t base_ = 0, deepest_ = 0;  // size and channels of the smallest images
  std::vector<std::unique_ptr<nn::Conv2d>> down_;
  std::vector<std::unique_ptr<nn::ConvTranspose2d>> up_;
  std::unique_ptr<nn::Linear> mean_, spread_, open_;
};

}  // namespace trireme::models
