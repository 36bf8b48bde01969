// The tasks there are: next-token prediction with a language model, classification with an MLP.
#pragma once

#include <memory>
#include <utility>

#include "models/decoder/decoder.h"
#include "models/mlp/mlp.h"
#include "parallel/training/task.h"
#include "runtime/metrics/measures.h"

namespace trireme::launcher {

// What the launcher asks of a task beyond training it.
class KnownTask : public parallel::StagedTask {
 public:
  // A whole network is one stage.
  bool begins(int) const override { return true; }
  bool ends(int) const override { return true; }
  Shape boundary_shape(std::int64_t) const override { return {}; }
  Tensor forward(Context& cx, int, const Tensor&, const data::Batch& batch) override { return loss(cx, batch); }

  // A batch of the right shapes without data, for dry runs.
  virtual data::Batch blank_batch(Device& device, std::int64_t samples) const = 0;
  // Floating-point operations of the matrix products of a forward and backward pass.
  virtual double flops(std::int64_t samples) const = 0;
  // What the loss is counted in.
  virtual std::string_view loss_unit() const { return "nats"; }
  // The weight of each class in the training loss, whose mean over the training samples is 1. Before the first step.
  virtual void weigh_classes(const Tensor& weights);
  // What an evaluation has found, from the records of all its samples (empty where there are none) and the mean loss.
  virtual metrics::Measures measures(std::span<const double> /*records*/, double /*loss*/) const { return {}; }
};

// Batches hold "tokens" and "targets", (B, T) i32.
class LanguageModel : public KnownTask {
 public:
  explicit LanguageModel(std::unique_ptr<models::Decoder> model) : model_(std::move(model)) {}

  nn::Module& network() override { return *model_; }
  models::Decoder& model() noexcept { return *model_; }
  Tensor loss(Context& cx, const data::Batch& batch) override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  bool begins(int chunk) const override { return piece(chunk).embeds; }
  bool ends(int chunk) const override { return piece(chunk).heads; }
  Shape boundary_shape(std::int64_t samples) const override;
  Tensor forward(Context& cx, int chunk, const Tensor& input, const data::Batch& batch) override;
  nn::Parameter* shared_parameter() override;
  bool owns_shared_parameter() const override { return model_->embeds(); }
  std::string_view unit() const override { return "tokens"; }
  std::int64_t units_per_sample() const override { return sizes().sequence; }
  double flops(std::int64_t samples) const override { return model_->flops(samples, sizes().sequence); }
  // perplexity
  metrics::Measures measures(std::span<const double> records, double loss) const override;

 private:
  const models::DecoderSizes& sizes() const { return model_->sizes(); }
  const models::DecoderPiece& piece(int chunk) const { return model_->pieces()[static_cast<std::size_t>(chunk)]; }

  std::unique_ptr<models::Decoder> model_;
};

// Batches hold "features" (B, inputs) or "images" (B, H, W, C) of as many numbers, f32, and "labels" (B) i32, or, to
// train on, "targets" (B, classes) f32, the shares of the classes: the loss is then the divergence from them.
class Classifier : public KnownTask {
 public:
  Classifier(const models::MlpConfig& config, DType compute) : model_(config), compute_(compute) {}

  nn::Module& network() override { return model_; }
  Tensor loss(Context& cx, const data::Batch& batch) override;
  void weigh_classes(const Tensor& weights) override { weights_ = weights; }
  std::int64_t record_width() const override;
  Tensor measure(Context& cx, const data::Batch& batch, std::vector<double>& records) override;
  metrics::Measures measures(std::span<const double> records, double loss) const override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  double flops(std::int64_t samples) const override { return model_.flops(samples); }

 private:
  Tensor logits(Context& cx, const data::Batch& batch);

  models::Mlp model_;
  DType compute_;
  Tensor weights_;  // (classes) f32, or undefined
};

}  // namespace trireme::launcher
