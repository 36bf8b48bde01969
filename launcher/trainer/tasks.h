// The tasks there are: next-token prediction with a language model, classification of samples and of pixels.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/network.h"
#include "parallel/training/task.h"
#include "runtime/metrics/measures.h"

namespace trireme::launcher {

// What the launcher asks of a task beyond training it.
class KnownTask : public parallel::StagedTask {
 public:
  // A whole network is one stage.
  bool begins(int) const override { return true; }
  bool ends(int) const override { return true; }
  Shape input_shape(int, std::int64_t) const override { return {}; }
  Shape output_shape(int, std::int64_t) const override { return {}; }
  Tensor forward(Context& cx, int, const Tensor&, const data::Batch& batch) override { return loss(cx, batch); }

  // The second network of a task of two; null: there is one.
  virtual nn::Module* opponent() { return nullptr; }
  // Whether a step that was captured may be replayed: all its random numbers follow from the state on the device.
  virtual bool can_be_replayed() const { return true; }
  // What is used when training has ended.
  virtual nn::Module& result() { return network(); }
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
  // Between stages each of `row_parts` ranks has its part of the tokens.
  explicit LanguageModel(std::unique_ptr<models::Decoder> model, int row_parts = 1)
      : model_(std::move(model)), row_parts_(row_parts) {}

  nn::Module& network() override { return *model_; }
  models::Decoder& model() noexcept { return *model_; }
  Tensor loss(Context& cx, const data::Batch& batch) override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  bool begins(int chunk) const override { return piece(chunk).embeds; }
  bool ends(int chunk) const override { return piece(chunk).heads; }
  Shape input_shape(int, std::int64_t samples) const override { return boundary_shape(samples); }
  Shape output_shape(int, std::int64_t samples) const override { return boundary_shape(samples); }
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
  Shape boundary_shape(std::int64_t samples) const;

  std::unique_ptr<models::Decoder> model_;
  int row_parts_;
};

// With a network that gives numbers for each sample or pixel, or pieces of one.
class NetworkTask : public KnownTask {
 public:
  NetworkTask(std::unique_ptr<models::Network> network, DType compute)
      : network_(std::move(network)), compute_(compute) {}

  nn::Module& network() override { return *network_; }
  const models::Network& model() const noexcept { return *network_; }
  Tensor loss(Context& cx, const data::Batch& batch) override { return forward(cx, 0, {}, batch); }
  bool begins(int chunk) const override { return network_->begins(chunk); }
  bool ends(int chunk) const override { return network_->ends(chunk); }
  Shape input_shape(int chunk, std::int64_t samples) const override;
  Shape output_shape(int chunk, std::int64_t samples) const override;
  Tensor forward(Context& cx, int chunk, const Tensor& input, const data::Batch& batch) override;
  Tensor measure(Context& cx, const data::Batch& batch, std::vector<double>& records) override {
    return measure_chunk(cx, 0, {}, batch, records);
  }
  Tensor measure_chunk(Context& cx, int chunk, const Tensor& input, const data::Batch& batch,
                       std::vector<double>& records) override;
  double flops(std::int64_t samples) const override { return network_->flops(samples); }

 protected:
  // The loss of what the network says: (B, classes), or of pixels (B, H, W, classes).
  virtual Tensor score(Context& cx, const Tensor& output, const data::Batch& batch) = 0;
  // Appends the records of the batch's samples.
  virtual void record(Context& cx, const Tensor& output, const data::Batch& batch, std::vector<double>& records) = 0;
  Shape batch_of(const Shape& one, std::int64_t samples) const;  // (samples, ...)

 private:
  Tensor input(Context& cx, const data::Batch& batch) const;
  Tensor output(Context& cx, int chunk, const Tensor& input, const data::Batch& batch);

  std::unique_ptr<models::Network> network_;
  DType compute_;
};

// Batches hold "features" (B, ...) or "images" (B, H, W, C) of as many numbers as the network takes in, f32, and
// "labels" (B) i32, or, to train on, "targets" (B, classes) f32, the shares of the classes: the loss is then the
// divergence from them.
class Classifier : public NetworkTask {
 public:
  using NetworkTask::NetworkTask;

  void weigh_classes(const Tensor& weights) override { weights_ = weights; }
  std::int64_t record_width() const override;
  metrics::Measures measures(std::span<const double> records, double loss) const override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;

 private:
  Tensor score(Context& cx, const Tensor& output, const data::Batch& batch) override;
  void record(Context& cx, const Tensor& output, const data::Batch& batch, std::vector<double>& records) override;

  Tensor weights_;  // (classes) f32, or undefined
};

// Batches hold "images" (B, H, W, C), f32, and "masks" (B, H, W) i32: the class of each pixel.
class Segmenter : public NetworkTask {
 public:
  using NetworkTask::NetworkTask;

  std::int64_t record_width() const override;
  metrics::Measures measures(std::span<const double> records, double loss) const override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;

 private:
  Tensor score(Context& cx, const Tensor& output, const data::Batch& batch) override;
  void record(Context& cx, const Tensor& output, const data::Batch& batch, std::vector<double>& records) override;
};

}  // namespace trireme::launcher
