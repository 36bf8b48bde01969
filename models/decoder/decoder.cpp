#include "models/decoder/decoder.h"

#include <algorithm>
#include <utility>

#include "runtime/device/timeline.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/linear.h"
#include "runtime/ops/recompute.h"

namespace trireme::models {

Decoder::Decoder(const DecoderSizes& sizes, std::vector<DecoderPiece> pieces)
    : sizes_(sizes), pieces_(std::move(pieces)) {
  for (const DecoderPiece& piece : pieces_)
    require(piece.begin >= 0 && piece.begin <= piece.end && piece.end <= sizes.layers, "model",
            "expected a piece of the blocks below", sizes.layers, "found", piece.begin, "to", piece.end);
}

bool Decoder::has(bool DecoderPiece::*end) const {
  return std::any_of(pieces_.begin(), pieces_.end(), [&](const DecoderPiece& piece) { return piece.*end; });
}

nn::Residual Decoder::run_block(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) {
  if (!sizes_.recompute || cache) return run(cx, block, std::move(residual), cache);
  const auto again = [this, block](Context& inner, const std::vector<Tensor>& in) {
    const nn::Residual out = run(inner, block, {in[0], in[1]}, nullptr);
    return std::vector<Tensor>{out.stream, out.branch};
  };
  const std::vector<Tensor> out = ops::recompute(cx, {residual.stream, residual.branch}, again);
  return {out[0], out[1]};
}

Tensor Decoder::finish(Context& cx, nn::Residual& residual, const Tensor& targets) {
  return score(cx, normalise(cx, residual), targets);
}

Tensor Decoder::score(Context& cx, const Tensor& x, const Tensor& targets) {
  const TimeRange range(cx.device, head.path());
  return head.forward(cx, x, head_weight(), targets);
}

Tensor Decoder::predict(Context& cx, const Tensor& x) {
  return ops::linear(cx, x, head_weight(), {});
}

Tensor Decoder::forward(Context& cx, int index, const Tensor& x, const Tensor& ids, const Tensor& targets) {
  std::size_t block = 0;
  for (int before = 0; before < index; ++before) {
    const DecoderPiece& piece = pieces_[static_cast<std::size_t>(before)];
    block += static_cast<std::size_t>(piece.end - piece.begin);
  }
  const DecoderPiece& piece = pieces_[static_cast<std::size_t>(index)];
  nn::Residual residual = piece.embeds ? embed(cx, ids, 0) : nn::Residual{x, {}};
  for (std::int64_t layer = piece.begin; layer < piece.end; ++layer)
    residual = run_block(cx, block++, std::move(residual), nullptr);
  if (piece.heads) return finish(cx, residual, targets);
  return residual.branch ? ops::add(cx, residual.stream, residual.branch) : residual.stream;
}

Tensor Decoder::features(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches) {
  nn::Residual residual = embed(cx, ids, caches ? caches->front().position : 0);
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(sizes_.layers); ++layer)
    residual = run_block(cx, layer, std::move(residual), caches ? &(*caches)[layer] : nullptr);
  return normalise(cx, residual);  // (B, T, C)
}

Tensor Decoder::loss(Context& cx, const Tensor& ids, const Tensor& targets) {
  return score(cx, features(cx, ids, nullptr), targets);
}

Tensor Decoder::logits(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches) {
  return predict(cx, features(cx, ids, caches));
}

double Decoder::flops(std::int64_t batch, std::int64_t sequence) const {
  const double rows = static_cast<double>(batch * sequence), layers = static_cast<double>(sizes_.layers),
               width = static_cast<double>(sizes_.width);
  return 6.0 * rows *
             (layers * static_cast<double>(sizes_.block_weights) + static_cast<double>(sizes_.vocabulary) * width) +
         (sizes_.attends ? 12.0 * layers * rows * static_cast<double>(sequence) * width : 0.0);
}

}  // namespace trireme::models
