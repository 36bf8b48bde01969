#include "launcher/trainer/tasks.h"

#include <cmath>

#include "models/mlp/shard.h"
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
  if (row_parts_ > 1) return {samples * sizes().sequence / row_parts_, sizes().width};
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

MlpTask::MlpTask(const models::MlpConfig& config, std::vector<models::MlpPiece> pieces, const parallel::Mesh* mesh,
                 DType compute)
    : model_(config, std::move(pieces)), compute_(compute) {
  if (mesh) models::shard(model_, *mesh);
}

Tensor MlpTask::input(Context& cx, const data::Batch& batch) const {
  const Tensor& x = batch.contains("images") ? batch["images"] : batch["features"];
  return ops::cast(cx, x.view({x.size(0), config().inputs}), compute_);
}

Tensor MlpTask::output(Context& cx, const data::Batch& batch) {
  return model_.logits(cx, input(cx, batch));
}

Tensor MlpTask::forward(Context& cx, int chunk, const Tensor& x, const data::Batch& batch) {
  const Tensor y = model_.forward(cx, chunk, begins(chunk) ? input(cx, batch) : x);
  return ends(chunk) ? score(cx, y, batch) : y;
}

Tensor Classifier::score(Context& cx, const Tensor& scores, const data::Batch& batch) {
  const TimeRange range(cx.device, "loss");
  if (!cx.training) return ops::cross_entropy(cx, scores, batch["labels"]);
  if (batch.contains("targets"))
    return ops::pointwise_loss(cx, ops::log_softmax(cx, ops::cast(cx, scores, DType::f32)), batch["targets"],
                               PointwiseLoss::kl);
  return ops::cross_entropy(cx, scores, batch["labels"], {.class_weights = weights_, .by_rows = true});
}

std::int64_t Classifier::record_width() const {
  return metrics::classification_width(config().classes);
}

Tensor Classifier::measure(Context& cx, const data::Batch& batch, std::vector<double>& records) {
  const Tensor scores = output(cx, batch);
  metrics::add_classified(records, to_floats(scores), to_host<std::int32_t>(batch["labels"]), config().classes);
  return ops::cross_entropy(cx, scores, batch["labels"]);
}

metrics::Measures Classifier::measures(std::span<const double> records, double) const {
  return metrics::classification_measures(records, config().classes);
}

data::Batch Classifier::blank_batch(Device& device, std::int64_t samples) const {
  data::Batch batch;
  batch.tensors["features"] = empty(device, {samples, config().inputs}, DType::f32);
  batch.tensors["labels"] = empty(device, {samples}, DType::i32);
  return batch;
}

}  // namespace trireme::launcher
