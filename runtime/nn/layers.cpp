#include "runtime/nn/layers.h"

#include "runtime/device/timeline.h"
#include "runtime/ops/attention.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/embedding.h"
#include "runtime/ops/linear.h"
#include "runtime/ops/norm.h"

namespace trireme::nn {

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& options)
    : weight({out, in}, options.weight), bias({out}, options.bias_init), options_(options) {
  require(in > 0 && out > 0, "linear", "expected positive sizes, found", in, "->", out);
  add("weight", weight);
  if (options.bias) add("bias", bias);
}

Tensor Linear::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  const Tensor in = before ? before(cx, x) : x, own_bias = options_.bias ? bias.tensor() : Tensor{};
  if (!after) {
    const Tensor y =
        ops::linear(cx, in, weight.tensor(), own_bias, {.activation = options_.activation, .eight_bits = eight_bits});
    return behind ? behind(cx, y) : y;
  }
  Tensor y = after(cx, ops::linear(cx, in, weight.tensor(), {}, {.eight_bits = eight_bits}));
  if (own_bias) y = ops::add(cx, y, own_bias);
  return options_.activation == Activation::identity ? y : ops::activate(cx, y, options_.activation);
}

Embedding::Embedding(std::int64_t vocabulary, std::int64_t width, Init init) : weight({vocabulary, width}, init) {
  require(vocabulary > 0 && width > 0, "embedding", "expected positive sizes, found", vocabulary, "x", width);
  add("weight", weight);
}

Tensor Embedding::forward(Context& cx, const Tensor& ids) {
  return forward(cx, ids, {}, 0);
}

Tensor Embedding::forward(Context& cx, const Tensor& ids, const Tensor& positions, std::int64_t first_position) {
  const TimeRange range(cx.device, path());
  if (!after) return ops::embedding(cx, ids, weight.tensor(), positions, first_position);
  const std::int64_t first = weight.piece.is_whole() ? 0 : weight.piece.intervals.front().begin;
  const Tensor x = after(cx, ops::embedding_part(cx, ids, weight.tensor(), first));
  if (!positions) return x;
  const std::int64_t here = x.numel() / x.size(-1);
  return ops::add_positions(cx, x, positions,
                            {.first = first_position, .sequence = ids.size(1), .row = rows.index * here});
}

LayerNorm::LayerNorm(std::int64_t width, float epsilon)
    : weight({width}, Init::one()), bias({width}, Init::zero()), epsilon_(epsilon) {
  add("weight", weight);
  add("bias", bias);
}

Tensor LayerNorm::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::layer_norm(cx, x, {}, weight.tensor(), bias.tensor(), epsilon_).y;
}

Tensor LayerNorm::forward(Context& cx, Residual& residual) {
  const TimeRange range(cx.device, path());
  ops::Normed out = ops::layer_norm(cx, residual.stream, residual.branch, weight.tensor(), bias.tensor(), epsilon_);
  residual = {out.sum, {}};
  return out.y;
}

RmsNorm::RmsNorm(std::int64_t width, float epsilon) : weight({width}, Init::one()), epsilon_(epsilon) {
  add("weight", weight);
}

Tensor RmsNorm::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::rms_norm(cx, x, {}, weight.tensor(), epsilon_).y;
}

Tensor RmsNorm::forward(Context& cx, Residual& residual) {
  const TimeRange range(cx.device, path());
  ops::Normed out = ops::rms_norm(cx, residual.stream, residual.branch, weight.tensor(), epsilon_);
  residual = {out.sum, {}};
  return out.y;
}

SelfAttention::SelfAttention(std::int64_t width, const SelfAttentionOptions& options)
    : options_(options),
      head_width_(options.heads > 0 ? width / options.heads : 0),
      qkv(width, (options.heads + 2 * (options.kv_heads ? options.kv_heads : options.heads)) * head_width_,
          {.bias = options.bias, .weight = options.weight}),
      proj(width, width, {.bias = options.bias, .weight = options.projection}) {
  if (options_.kv_heads == 0) options_.kv_heads = options_.heads;
  all_heads_ = options_.heads;
  if (options_.heads < 1 || width % options_.heads != 0)
    fail("attention", "expected heads that divide the width", width, "found", options_.heads);
  add("qkv", qkv);
  add("proj", proj);
}

Tensor SelfAttention::forward(Context& cx, const Tensor& x, KeyValueCache* cache) {
  const TimeRange range(cx.device, path());
  const ops::AttentionOptions how{.heads = options_.heads,
                                  .kv_heads = options_.kv_heads,
                                  .causal = options_.causal,
                                  .dropout = options_.dropout,
                                  .site = path(),
                                  .first_head = first_head_,
                                  .all_heads = all_heads_};
  Tensor packed = qkv.forward(cx, x);
  if (options_.rotary_base > 0.0f)
    packed = ops::rotate(cx, packed,
                         {.heads = options_.heads + 2 * options_.kv_heads,
                          .rotated = options_.heads + options_.kv_heads,
                          .base = options_.rotary_base,
                          .position = cache ? cache->position : 0});
  if (!cache) return proj.forward(cx, ops::attention(cx, packed, how));
  const Tensor y = ops::attention_cached(cx, packed, cache->rows, cache->position, how);
  cache->position += packed.size(1);
  return proj.forward(cx, y);
}

void SelfAttention::keep_heads(const Interval& heads, const Interval& kv_heads) {
  first_head_ = heads.begin;
  options_.heads = heads.size();
  options_.kv_heads = kv_heads.size();
}

KeyValueCache SelfAttention::make_cache(Device& device, DType dtype, std::int64_t batch, std::int64_t capacity) const {
  return {empty(device, {batch, capacity, 2 * options_.kv_heads, head_width_}, dtype), 0};
}

FeedForward::FeedForward(std::int64_t width, std::int64_t hidden, const FeedForwardOptions& options)
    : options_(options),
      up(width, options.gated ? 2 * hidden : hidden,
         {.bias = options.bias,
          .weight = options.weight,
          .activation = options.gated ? Activation::identity : options.activation}),
      down(hidden, width, {.bias = options.bias, .weight = options.projection}) {
  add("up", up);
  add("down", down);
}

Tensor FeedForward::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  const Tensor hidden = up.forward(cx, x);
  return down.forward(cx, options_.gated ? ops::gate(cx, hidden, options_.activation) : hidden);
}

}  // namespace trireme::nn
