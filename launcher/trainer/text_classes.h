// Telling the classes of texts: the task, and the data.
#pragma once

#include "launcher/trainer/from_job.h"
#include "launcher/trainer/tasks.h"
#include "models/text_classifier/text_classifier.h"

namespace trireme::launcher {

// Batches hold "tokens" (B, T), "lengths" (B) and "labels" (B), i32.
class TextTask : public KnownTask {
 public:
  explicit TextTask(const models::TextClassifierConfig& config) : model_(config) {}

  nn::Module& network() override { return model_; }
  Tensor loss(Context& cx, const data::Batch& batch) override;
  void weigh_classes(const Tensor& weights) override { weights_ = weights; }
  std::int64_t record_width() const override;
  Tensor measure(Context& cx, const data::Batch& batch, std::vector<double>& records) override;
  metrics::Measures measures(std::span<const double> records, double loss) const override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  double flops(std::int64_t samples) const override { return model_.flops(samples); }

 private:
  Tensor logits(Context& cx, const data::Batch& batch) { return model_.logits(cx, batch["tokens"], batch["lengths"]); }

  models::TextClassifier model_;
  Tensor weights_;  // (classes) f32, or undefined
};

models::TextClassifierConfig text_classifier_config(const job::Job& job);
// Of data.texts.
Sources open_texts(const job::Job& job);

}  // namespace trireme::launcher
