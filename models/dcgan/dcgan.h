// DCGAN (Radford et al. 2016): a network that draws images from noise. The one that tells them from real ones is
// discriminator.h.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/network.h"
#include "runtime/nn/convolution.h"
#include "runtime/nn/image_norm.h"
#include "runtime/nn/layers.h"

namespace trireme::models {

struct DcganConfig {
  std::int64_t size = 64;     // height and width: 4 to 7 times a power of two (8, 16, 28, 32, 64 ...)
  std::int64_t channels = 3;  // of the images, in [-1, 1]
  std::int64_t noise = 100;   // numbers that an image is drawn from
  std::int64_t width = 64;    // filters beside the images; twice as many with each halving
  std::int64_t classes = 0;   // of the images, which both networks are told (Mirza & Osindero 2014); 0: they are not
  // Of the discriminator.
  bool batch_norm = true;
  bool spectral_norm = false;
};

// noise (B, 1, 1, noise), labels (B) i32 where there are classes -> images (B, size, size, channels) in (-1, 1).
class DcganGenerator : public nn::Module {
 public:
  explicit DcganGenerator(const DcganConfig& config);
  Tensor forward(Context& cx, const Tensor& noise, const Tensor& labels = {});
  const DcganConfig& config() const noexcept { return config_; }
  double forward_flops() const;  // of one image
  double first_layer_flops() const;

 private:
  DcganConfig config_;
  std::optional<nn::Embedding> label_;  // as many numbers as the noise, beside it
  std::vector<std::unique_ptr<nn::ConvTranspose2d>> layers_;
  std::vector<std::unique_ptr<nn::BatchNorm2d>> norms_;  // behind each layer but the last
};

}  // namespace trireme::models
