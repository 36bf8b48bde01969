#include "launcher/trainer/tasks.h"

#include <cmath>

#include "runtime/device/timeline.h"
#include "runtime/metrics/classification.h"
#include "runtime/metrics/segmentation.h"
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

Shape NetworkTask::batch_of(const Shape& one, std::int64_t samples) const {
  std::vector<std::int64_t> sizes{samples};
  sizes.insert(sizes.end(), one.begin(), one.end());
  return Shape(sizes);
}

Shape NetworkTask::input_shape(int chunk, std::int64_t samples) const {
  return batch_of(network_->taken(chunk), samples);
}

Shape NetworkTask::output_shape(int chunk, std::int64_t samples) const {
  return batch_of(network_->given(chunk), samples);
}

Tensor NetworkTask::input(Context& cx, const data::Batch& batch) const {
  const Tensor& x = batch.contains("images") ? batch["images"] : batch["features"];
  const Shape one = network_->input(), all = batch_of(one, x.size(0));
  if (x.numel() != all.numel() || (x.shape().dims() == 4 && one.dims() == 3 && x.shape() != all))
    fail("model", "expected samples of the shape", one, "found", x.shape(), "of", x.size(0), "samples");
  return ops::cast(cx, x.view(all), compute_);
}

Tensor NetworkTask::output(Context& cx, int chunk, const Tensor& x, const data::Batch& batch) {
  return network_->forward(cx, chunk, begins(chunk) ? input(cx, batch) : x);
}

Tensor NetworkTask::forward(Context& cx, int chunk, const Tensor& x, const data::Batch& batch) {
  const Tensor y = output(cx, chunk, x, batch);
  return ends(chunk) ? score(cx, y, batch) : y;
}

Tensor NetworkTask::measure_chunk(Context& cx, int chunk, const Tensor& x, const data::Batch& batch,
                                  std::vector<double>& records) {
  const Tensor y = output(cx, chunk, x, batch);
  if (!ends(chunk)) return y;
  record(cx, y, batch, records);
  return score(cx, y, batch);
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
  return metrics::classification_width(model().classes());
}

void Classifier::record(Context&, const Tensor& scores, const data::Batch& batch, std::vector<double>& records) {
  metrics::add_classified(records, to_floats(scores), to_host<std::int32_t>(batch["labels"]), model().classes());
}

metrics::Measures Classifier::measures(std::span<const double> records, double) const {
  return metrics::classification_measures(records, model().classes());
}

data::Batch Classifier::blank_batch(Device& device, std::int64_t samples) const {
  const Shape one = model().input();
  data::Batch batch;
  batch.tensors[one.dims() == 3 ? "images" : "features"] = empty(device, batch_of(one, samples), DType::f32);
  batch.tensors["labels"] = empty(device, {samples}, DType::i32);
  return batch;
}

Tensor Segmenter::score(Context& cx, const Tensor& output, const data::Batch& batch) {
  const TimeRange range(cx.device, "loss");
  const Tensor& masks = batch["masks"];
  const Tensor scores = ops::reshape(cx, output, {masks.numel(), model().classes()});
  return ops::cross_entropy(cx, scores, masks.view({masks.numel()}));
}

std::int64_t Segmenter::record_width() const {
  return metrics::segmentation_width(model().classes());
}

void Segmenter::record(Context& cx, const Tensor& scores, const data::Batch& batch, std::vector<double>& records) {
  const Tensor& masks = batch["masks"];
  Tensor answers = empty(cx.device, {masks.numel()}, DType::i32);
  cx.kernels.argmax(answers, scores.view({masks.numel(), model().classes()}));
  metrics::add_segmented(records, to_host<std::int32_t>(answers), to_host<std::int32_t>(masks), masks.size(0),
                         model().classes());
}

metrics::Measures Segmenter::measures(std::span<const double> records, double) const {
  return metrics::segmentation_measures(records, model().classes());
}

data::Batch Segmenter::blank_batch(Device& device, std::int64_t samples) const {
  const Shape one = model().input();
  data::Batch batch;
  batch.tensors["images"] = empty(device, batch_of(one, samples), DType::f32);
  batch.tensors["masks"] = empty(device, {samples, one[0], one[1]}, DType::i32);
  return batch;
}

}  // namespace trireme::launcher
