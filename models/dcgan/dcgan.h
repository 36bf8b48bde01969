// DCGAN (Radford et al. 2016): a network that draws images from noise, and one that tells them from real ones.
#pragma once

#include <memory>
#include <vector>

#include "models/network.h"
#include "runtime/nn/convolution.h"
#include "runtime/nn/image_norm.h"

namespace trireme::models {

struct DcganConfig {
  std::int64_t size = 64;     // height and width: 8, 16, 32 or 64 ... : 4 times a power of two
  std::int64_t channels = 3;  // of the images, in [-1, 1]
  std::int64_t noise = 100;   // numbers that an image is drawn from
  std::int64_t width = 64;    // filters beside the images; twice as many with each halving
};

// noise (B, 1, 1, noise) -> images (B, size, size, channels) in (-1, 1).
class DcganGenerator : public nn::Module {
 public:
  explicit DcganGenerator(const DcganConfig& config);
  Tensor forward(Context& cx, const Tensor& noise);
  double forward_flops() const;  // of one image
  double first_layer_flops() const;

 private:
  std::vector<std::unique_ptr<nn::ConvTranspose2d>> layers_;
  std::vector<std::unique_ptr<nn::BatchNorm2d>> norms_;  // behind each layer but the last
};

// images -> logits (B): above zero, taken for real.
class DcganDiscriminator : public nn::Module {
 public:
  explicit DcganDiscriminator(const DcganConfig& config);
  Tensor forward(Context& cx, const Tensor& images);
  double forward_flops() const;  // of one image
  double first_layer_flops() const;

 private:
  DcganConfig config_;
  std::vector<std::unique_ptr<nn::Conv2d>> layers_;
  std::vector<std::unique_ptr<nn::BatchNorm2d>> norms_;  // between the layers that are neither first nor last
};

}  // namespace trireme::models
