#include "launcher/trainer/tasks.h"

#include <cmath>

#include "runtime/device/timeline.h"
#include "runtime/metrics/classification.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/loss.h"

namespace trireme::launcher {

void KnownTask::weigh_classes(const Tensor&) {
  fail("data.balance", "expected a classifier, to weigh its classes");
}

Tensor LanguageModel::loss(Context& cx, const data::Batch& batch) {
  return model_->loss(cx, batch["tokens"], batch["targets"]);
}

data::Batch LanguageModel::blank_batch(Device& device, std::int64_t samples) const {
  const Shape shape{samples, sizes().sequence};
  data::Batch batch;
  batch.tensors["tokens"] = empty(device, shape, DType::i32);
  batch.tensors["targets"] = empty(device, shape, DType::i32);
  return batch;
}

Shape LanguageModel::boundary_shape(std::int64_t samples) const {
  return {samples, sizes().sequence, sizes().width};
}

Tensor LanguageModel::forward(Context& cx, int chunk, const Tensor& input, const data::Batch& batch) {
  const Tensor tokens = begins(chunk) ? batch["tokens"] : Tensor{};
  return model_->forward(cx, chunk, input, tokens, ends(chunk) ? batch["targets"] : Tensor{});
}

nn::Parameter* LanguageModel::shared_parameter() {
  return model_->embeds() != model_->heads() ? model_->shared_parameter() : nullptr;
}

metrics::Measures LanguageModel::measures(std::span<const double>, double loss) const {
  metrics::Measures measures;
  measures.add("perplexity", std::exp(loss));
  return measures;
}

Tensor Classifier::logits(Context& cx, const data::Batch& batch) {
  const Tensor& x = batch.contains("images") ? batch["images"] : batch["features"];
  return model_.logits(cx, ops::cast(cx, x.view({x.size(0), model_.config().inputs}), compute_));
}

Tensor Classifier::loss(Context& cx, const data::Batch& batch) {
  const Tensor scores = logits(cx, batch);
  const TimeRange range(cx.device, "loss");
  if (!cx.training) return ops::cross_entropy(cx, scores, batch["labels"]);
  if (batch.contains("targets"))
    return ops::pointwise_loss(cx, ops::log_softmax(cx, ops::cast(cx, scores, DType::f32)), batch["targets"],
                               PointwiseLoss::kl);
  return ops::cross_entropy(cx, scores, batch["labels"], {.class_weights = weights_, .by_rows = true});
}

std::int64_t Classifier::record_width() const {
  return metrics::classification_width(model_.config().classes);
}

Tensor Classifier::measure(Context& cx, const data::Batch& batch, std::vector<double>& records) {
  const Tensor scores = logits(cx, batch);
  metrics::add_classified(records, to_floats(scores), to_host<std::int32_t>(batch["labels"]), model_.config().classes);
  return ops::cross_entropy(cx, scores, batch["labels"]);
}

metrics::Measures Classifier::measures(std::span<const double> records, double) const {
  return metrics::classification_measures(records, model_.config().classes);
}

data::Batch Classifier::blank_batch(Device& device, std::int64_t samples) const {
  data::Batch batch;
  batch.tensors["features"] = empty(device, {samples, model_.config().inputs}, DType::f32);
  batch.tensors["labels"] = empty(device, {samples}, DType::i32);
  return batch;
}

}  // namespace trireme::launcher
