// The pairs of networks there are that play against each other.
#pragma once

#include <string>

#include "launcher/trainer/drawing.h"
#include "launcher/trainer/tasks.h"
#include "models/dcgan/discriminator.h"
#include "parallel/training/adversarial.h"

namespace trireme::launcher {

// A network under a name of its own, so that several have no parameter of the same name.
class NamedNetworkPart : public nn::Module {
 public:
  NamedNetworkPart(std::string name, nn::Module& part) { add(std::move(name), part); }
};

// A DCGAN that draws images from normal noise, keyed by the update's number and the sample. Batches hold "images" (B,
// H, W, C), f32 in [-1, 1], and "labels" (B) i32 where the networks are told the class.
class ImageGame : public KnownTask, public parallel::AdversarialTask, public Drawing {
 public:
  ImageGame(const models::DcganConfig& config, const parallel::AdversarialRule& rule, DType compute);

  // The networks' parameters begin with "generator.", "discriminator." and, of the generator's moving average,
  // "average.".
  nn::Module& generator() override { return named_generator_; }
  nn::Module& discriminator() override { return named_discriminator_; }
  nn::Module& average() { return named_average_; }
  const parallel::AdversarialRule& rule() const noexcept { return rule_; }

  Tensor real(Context& cx, const data::Batch& batch) override;
  Tensor generate(Context& cx, const data::Batch& batch) override;
  Tensor judge(Context& cx, const Tensor& samples, const data::Batch& batch) override;
  Tensor slope(Context& cx, const Tensor& samples, const data::Batch& batch) override;

  // By the average.
  Tensor draw(Backend& backend, const DrawingOptions& options) override;
  float darkest() const override { return -1.0f; }
  std::int64_t drawn_classes() const override { return config_.classes; }

  nn::Module& network() override { return generator(); }
  nn::Module* opponent() override { return &discriminator(); }
  nn::Module& result() override { return average(); }
  // Two networks that play have no loss that is one's: always an Error.
  Tensor loss(Context& cx, const data::Batch& batch) override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  // Of the convolutions of a step with so many real images for each of the discriminator's updates.
  double flops(std::int64_t samples) const override;

 private:
  Tensor labels_of(const data::Batch& batch) const;

  models::DcganConfig config_;
  parallel::AdversarialRule rule_;
  DType compute_;
  models::DcganGenerator generator_;
  models::DcganDiscriminator discriminator_;
  models::DcganGenerator average_;
  NamedNetworkPart named_generator_, named_discriminator_, named_average_;
};

}  // namespace trireme::launcher
