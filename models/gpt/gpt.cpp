#include "models/gpt/gpt.h"

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "runtime/device/timeline.h"

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

DecoderSizes sizes_of(const GptConfig& config) {
  return {.layers = config.layers,
          .width = config.width,
          .sequence = config.sequence,
          .vocabulary = config.vocabulary,
          .block_weights = 12 * config.width * config.width,
          .recompute = config.recompute};
}

Gpt::Gpt(const GptConfig& config) : Gpt(config, {{.begin = 0, .end = config.layers}}) {}

Gpt::Gpt(const GptConfig& config, std::vector<DecoderPiece> pieces)
    : Decoder((check(config), sizes_of(config)), std::move(pieces)),
      config_(config),
      tokens(config.vocabulary, config.width, nn::Init::normal(init_deviation)),
      positions({config.sequence, config.width}, nn::Init::normal(init_deviation)),
      embedding_dropout(config.dropout),
      ln_f(config.width) {
  if (embeds() || heads()) add("token_embedding", tokens.weight);
  if (embeds()) {
    add("token_embedding", tokens);
    add("position_embedding", positions);
    add("embedding", embedding_dropout);
  }
  for (const DecoderPiece& piece : this->pieces()) {
    for (std::int64_t layer = piece.begin; layer < piece.end; ++layer) {
      blocks.push_back(std::make_unique<GptBlock>(config));
      add("blocks." + std::to_string(layer), *blocks.back());
    }
  }
  if (heads()) {
    add("ln_f", ln_f);
    add("loss", head);
  }
}

nn::Residual Gpt::embed(Context& cx, const Tensor& ids, std::int64_t position) {
  return {embedding_dropout.forward(cx, tokens.forward(cx, ids, positions.tensor(), position)), {}};  // (B, T, C)
}

nn::Residual Gpt::run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) {
  return blocks[block]->forward(cx, std::move(residual), cache);
}

std::vector<nn::KeyValueCache> Gpt::make_caches(Device& device, DType dtype, std::int64_t batch) const {
  std::vector<nn::KeyValueCache> caches;
  for (const auto& block : blocks)
    caches.push_back(block->attention.make_cache(device, dtype, batch, config_.sequence));
  return caches;
}

}  // namespace trireme::models
