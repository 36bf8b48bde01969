#include "launcher/trainer/tasks.h"

#include "runtime/ops/elementwise.h"

namespace trireme::launcher {

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

Tensor Classifier::loss(Context& cx, const data::Batch& batch) {
  return model_.loss(cx, ops::cast(cx, batch["features"], compute_), batch["labels"]);
}

data::Batch Classifier::blank_batch(Device& device, std::int64_t samples) const {
  data::Batch batch;
  batch.tensors["features"] = empty(device, {samples, model_.config().inputs}, DType::f32);
  batch.tensors["labels"] = empty(device, {samples}, DType::i32);
  return batch;
}

}  // namespace trireme::launcher
