#include "launcher/trainer/tasks.h"

#include "runtime/ops/elementwise.h"

namespace trireme::launcher {

Tensor LanguageModel::loss(Context& cx, const data::Batch& batch) {
  return model_.loss(cx, batch["tokens"], batch["targets"]);
}

data::Batch LanguageModel::blank_batch(Device& device, std::int64_t samples) const {
  const Shape shape{samples, model_.config().sequence};
  data::Batch batch;
  batch.tensors["tokens"] = empty(device, shape, DType::i32);
  batch.tensors["targets"] = empty(device, shape, DType::i32);
  return batch;
}

bool LanguageModel::has_end(bool models::GptPiece::*which) const {
  for (const models::GptPiece& p : model_.pieces())
    if (p.*which) return true;
  return false;
}

Shape LanguageModel::boundary_shape(std::int64_t samples) const {
  return {samples, model_.config().sequence, model_.config().width};
}

Tensor LanguageModel::forward(Context& cx, int chunk, const Tensor& input, const data::Batch& batch) {
  const Tensor tokens = begins(chunk) ? batch["tokens"] : Tensor{};
  return model_.forward(cx, chunk, input, tokens, ends(chunk) ? batch["targets"] : Tensor{});
}

nn::Parameter* LanguageModel::shared_parameter() {
  return has_end(&models::GptPiece::embeds) != has_end(&models::GptPiece::heads) ? &model_.token_embedding() : nullptr;
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
