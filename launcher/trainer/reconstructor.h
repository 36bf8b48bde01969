// Autoencoders: images that are put together again from a code of a few numbers.
#pragma once

#include <memory>
#include <vector>

#include "launcher/trainer/drawing.h"
#include "launcher/trainer/tasks.h"
#include "models/autoencoder/autoencoder.h"

namespace trireme::launcher {

struct ReconstructionRule {
  // The part of the pixels that are blanked in what the network sees, in training (Vincent et al. 2008); 0: none.
  float masked = 0.0f;
  float beta = 1.0f;            // factor of the divergence of a code from the normal one, where it is a distribution
  std::int64_t anomalous = -1;  // a class that is to be told by its loss; below 0: none
};

// Batches hold "images" (B, H, W, C), f32 in [0, 1], and "labels" (B) i32 where a class is anomalous. The loss is in
// nats an image: the cross entropy of its pixels, and, where codes are distributions, beta times their divergence from
// the normal one; with beta 1, the negative evidence lower bound (ELBO), of one code that is drawn for each image.
class Reconstructor : public KnownTask, public Drawing {
 public:
  Reconstructor(const models::AutoencoderConfig& config, const ReconstructionRule& rule, std::uint64_t seed,
                DType compute)
      : rule_(rule), seed_(seed), compute_(compute), network_(config) {}

  nn::Module& network() override { return network_; }
  Tensor loss(Context& cx, const data::Batch& batch) override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  double flops(std::int64_t samples) const override { return network_.flops(samples); }
  std::string_view loss_unit() const override { return "nats"; }
  // Where it draws codes: with numbers of their own in each step.
  bool can_be_replayed() const override { return !network_.config().variational; }

  std::int64_t record_width() const override;
  Tensor measure(Context& cx, const data::Batch& batch, std::vector<double>& records) override;
  // reconstruction and divergence, in nats; elbo; auc of the loss as a score of anomaly.
  metrics::Measures measures(std::span<const double> records, double loss) const override;

  // Of codes that are drawn from the normal distribution; only where codes are distributions.
  Tensor draw(Backend& backend, const DrawingOptions& options) override;
  float darkest() const override { return 0.0f; }

 private:
  struct Found {
    models::Code code;
    Tensor logits;
  };
  Found look(Context& cx, const data::Batch& batch);
  Tensor deviation(Context& cx, const Tensor& spread) const;

  ReconstructionRule rule_;
  std::uint64_t seed_;
  DType compute_;
  models::Autoencoder network_;
};

}  // namespace trireme::launcher
