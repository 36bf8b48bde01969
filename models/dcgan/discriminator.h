// The network of a DCGAN that tells images from real ones, or, without its last step to a probability, a critic.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/dcgan/dcgan.h"
#include "runtime/nn/spectral_norm.h"

namespace trireme::models {

// images (B, size, size, channels), labels (B) i32 where there are classes -> logits (B): above zero, taken for real.
// Layers that no batch norm follows have a bias, but in the network of the paper, with batch norm, none has.
class DcganDiscriminator : public nn::Module {
 public:
  explicit DcganDiscriminator(const DcganConfig& config);
  Tensor forward(Context& cx, const Tensor& images, const Tensor& labels = {});
  // The gradient of the sum of forward() with respect to the images, as a tensor that has gradients itself, with
  // respect to the weights (ops/gradient_penalty.h). (B, size, size, channels), and with classes one channel more,
  // which is zero. Not with batch norm, which makes a sample's logit depend on the others.
  Tensor input_gradient(Context& cx, const Tensor& images, const Tensor& labels = {});
  double forward_flops() const;  // of one image
  double first_layer_flops() const;

 private:
  struct Level {
    std::unique_ptr<nn::Conv2d> layer;
    std::unique_ptr<nn::SpectralNorm> spectral;  // or null
    std::unique_ptr<nn::BatchNorm2d> norm;       // or null
  };

  Tensor input(Context& cx, const Tensor& images, const Tensor& labels);
  // What each layer multiplies with in this pass.
  std::vector<Tensor> weights(Context& cx);
  // Appends each level's result to `results` where it is given.
  Tensor through(Context& cx, const Tensor& x, const std::vector<Tensor>& weights, std::vector<Tensor>* results);

  DcganConfig config_;
  std::optional<nn::Embedding> label_;  // a class as one more channel
  std::vector<Level> levels_;
};

}  // namespace trireme::models
