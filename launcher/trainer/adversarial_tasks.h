// The pairs of networks there are that play against each other.
#pragma once

#include "models/dcgan/dcgan.h"
#include "parallel/training/adversarial.h"

namespace trireme::launcher {

// A DCGAN that draws images from normal noise, keyed by step and sample.
class ImageGame : public parallel::AdversarialTask {
 public:
  ImageGame(const models::DcganConfig& config, DType compute)
      : config_(config), compute_(compute), generator_(config), discriminator_(config) {}

  nn::Module& generator() override { return generator_; }
  nn::Module& discriminator() override { return discriminator_; }
  Tensor generate(Context& cx) override;
  Tensor judge(Context& cx, const Tensor& images) override;
  // Floating-point operations of the convolutions of a step with so many real images.
  double flops(std::int64_t batch) const;

 private:
  models::DcganConfig config_;
  DType compute_;
  models::DcganGenerator generator_;
  models::DcganDiscriminator discriminator_;
};

}  // namespace trireme::launcher
