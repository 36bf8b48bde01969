#include "models/gpt/gpt.h"

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "runtime/device/timeline.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/linear.h"
#include "runtime/ops/recompute.h"

namespace trireme::models {
namespace {

constexpr float init_deviation = 0.02f;

// GPT-2 scales the weights that write into the residual stream by the number of such writes.
nn::Init residual_init(const GptConfig& config) {
  return nn::Init::normal(init_deviation / std::sqrt(2.0f * static_cast<float>(config.layers)));
}

}  // namespace

GptConfig gpt_preset(std::string_view name) {
  static constexpr std::int64_t padded_bpe = 50304;
  static constexpr std::array<std::pair<std::string_view, std::array<std::int64_t, 5>>, 6> sizes{{
      {"gpt-byte", {6, 6, 384, 256, 256}},
      {"gpt-tiny", {6, 6, 384, 256, padded_bpe}},
      {"gpt2-124m", {12, 12, 768, 1024, padded_bpe}},
      {"gpt2-350m", {24, 16, 1024, 1024, padded_bpe}},
      {"gpt2-774m", {36, 20, 1280, 1024, padded_bpe}},
      {"gpt2-1558m", {48, 25, 1600, 1024, padded_bpe}},
  }};
  for (const auto& [known, s] : sizes)
    if (known == name) return {.layers = s[0], .heads = s[1], .width = s[2], .sequence = s[3], .vocabulary = s[4]};
  fail("gpt", "expected a preset gpt-byte, gpt-tiny, gpt2-124m, gpt2-350m, gpt2-774m or gpt2-1558m, found", name);
}

void check(const GptConfig& c) {
  require(c.layers > 0 && c.heads > 0 && c.width > 0 && c.sequence > 0 && c.vocabulary > 0, "gpt",
          "expected positive sizes, found", c.layers, "layers,", c.heads, "heads, width", c.width, "sequence",
          c.sequence, "vocabulary", c.vocabulary);
  require(c.width % c.heads == 0, "gpt", "expected heads that divide the width:", c.width, "is not a multiple of",
          c.heads);
}

GptBlock::GptBlock(const GptConfig& config)
    : ln_1(config.width),
      attention(config.width, {.heads = config.heads,
                               .bias = config.bias,
                               .dropout = config.dropout,
                               .weight = nn::Init::normal(init_deviation),
                               .projection = residual_init(config)}),
      ln_2(config.width),
      mlp(config.width, 4 * config.width,
          {.bias = config.bias,
           .activation = config.activation,
           .weight = nn::Init::normal(init_deviation),
           .projection = residual_init(config)}),
      attention_branch(config.dropout),
      mlp_branch(config.dropout) {
  add("ln_1", ln_1);
  add("attention", attention);
  add("attention_branch", attention_branch);
  add("ln_2", ln_2);
  add("mlp", mlp);
  add("mlp_branch", mlp_branch);
}

nn::Residual GptBlock::forward(Context& cx, nn::Residual residual, nn::KeyValueCache* cache) {
  const TimeRange range(cx.device, path());
  Tensor y = ln_1.forward(cx, residual);
  residual.branch = attention_branch.forward(cx, attention.forward(cx, y, cache));
  y = ln_2.forward(cx, residual);
  residual.branch = mlp_branch.forward(cx, mlp.forward(cx, y));
  return residual;
}

Gpt::Gpt(const GptConfig& config) : Gpt(config, {{.begin = 0, .end = config.layers}}) {}

Gpt::Gpt(const GptConfig& config, std::vector<GptPiece> pieces)
    : config_((check(config), config)),
      pieces_(std::move(pieces)),
      tokens(config.vocabulary, config.width, nn::Init::normal(init_deviation)),
      positions({config.sequence, config.width}, nn::Init::normal(init_deviation)),
      embedding_dropout(config.dropout),
      ln_f(config.width) {
  bool embeds = false, heads = false;
  for (const GptPiece& piece : pieces_) {
    embeds = embeds || piece.embeds;
    heads = heads || piece.heads;
  }
  if (embeds || heads) add("token_embedding", tokens.weight);
  if (embeds) {
    add("token_embedding", tokens);
    add("position_embedding", positions);
    add("embedding", embedding_dropout);
  }
  for (const GptPiece& piece : pieces_) {
    require(piece.begin >= 0 && piece.begin <= piece.end && piece.end <= config.layers, "gpt",
            "expected a piece of the blocks below", config.layers, "found", piece.begin, "to", piece.end);
    for (std::int64_t layer = piece.begin; layer < piece.end; ++layer) {
      blocks.push_back(std::make_unique<GptBlock>(config));
      add("blocks." + std::to_string(layer), *blocks.back());
    }
  }
  if (heads) {
    add("ln_f", ln_f);
    add("loss", head);
  }
}

nn::Residual Gpt::embed(Context& cx, const Tensor& ids, std::int64_t position) {
  return {embedding_dropout.forward(cx, tokens.forward(cx, ids, positions.tensor(), position)), {}};  // (B, T, C)
}

nn::Residual Gpt::run_block(Context& cx, std::size_t index, const nn::Residual& residual, nn::KeyValueCache* cache) {
  GptBlock& block = *blocks[index];
  if (!config_.recompute || cache) return block.forward(cx, residual, cache);
  const auto run = [&block](Context& inner, const std::vector<Tensor>& in) {
    const nn::Residual out = block.forward(inner, {in[0], in[1]}, nullptr);
    return std::vector<Tensor>{out.stream, out.branch};
  };
  const std::vector<Tensor> out = ops::recompute(cx, {residual.stream, residual.branch}, run);
  return {out[0], out[1]};
}

Tensor Gpt::features(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches) {
  nn::Residual residual = embed(cx, ids, caches ? caches->front().position : 0);
  for (std::size_t layer = 0; layer < blocks.size(); ++layer)
    residual = run_block(cx, layer, residual, caches ? &(*caches)[layer] : nullptr);
  return ln_f.forward(cx, residual);  // (B, T, C)
}

Tensor Gpt::forward(Context& cx, int index, const Tensor& x, const Tensor& ids, const Tensor& targets) {
  std::size_t block = 0;
  for (int before = 0; before < index; ++before) {
    const GptPiece& piece = pieces_[static_cast<std::size_t>(before)];
    block += static_cast<std::size_t>(piece.end - piece.begin);
  }
  const GptPiece& piece = pieces_[static_cast<std::size_t>(index)];
  nn::Residual residual = piece.embeds ? embed(cx, ids, 0) : nn::Residual{x, {}};
  for (std::int64_t layer = piece.begin; layer < piece.end; ++layer)
    residual = run_block(cx, block++, residual, nullptr);
  if (!piece.heads) return residual.branch ? ops::add(cx, residual.stream, residual.branch) : residual.stream;
  const Tensor features = ln_f.forward(cx, residual);
  const TimeRange range(cx.device, head.path());
  return head.forward(cx, features, tokens.weight.tensor(), targets);
}

Tensor Gpt::loss(Context& cx, const Tensor& ids, const Tensor& targets) {
  const Tensor x = features(cx, ids, nullptr);
  const TimeRange range(cx.device, head.path());
  return head.forward(cx, x, tokens.weight.tensor(), targets);
}

Tensor Gpt::logits(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches) {
  return ops::linear(cx, features(cx, ids, caches), tokens.weight.tensor(), {});
}

std::vector<nn::KeyValueCache> Gpt::make_caches(Device& device, DType dtype, std::int64_t batch) const {
  std::vector<nn::KeyValueCache> caches;
  for (const auto& block : blocks)
    caches.push_back(block->attention.make_cache(device, dtype, batch, config_.sequence));
  return caches;
}

double Gpt::flops(std::int64_t batch, std::int64_t sequence) const {
  const double rows = static_cast<double>(batch * sequence), layers = static_cast<double>(config_.layers),
               width = static_cast<double>(config_.width), vocabulary = static_cast<double>(config_.vocabulary);
  return 6.0 * rows * (12.0 * layers * width * width + vocabulary * width) +
         12.0 * layers * rows * static_cast<double>(sequence) * width;
}

}  // namespace trireme::models
