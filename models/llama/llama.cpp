#include "models/llama/llama.h"

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "runtime/device/timeline.h"

namespace trireme::models {
namespace {

constexpr float init_deviation = 0.02f;

// As in GPT-2: weights that write into the residual stream are scaled by the number of such writes.
nn::Init residual_init(const LlamaConfig& config) {
  return nn::Init::normal(init_deviation / std::sqrt(2.0f * static_cast<float>(config.layers)));
}

}  // namespace

LlamaConfig llama_preset(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, LlamaConfig>, 4> presets{{
      {"llama-byte", {}},
      {"llama2-7b",
       {.layers = 32,
        .heads = 32,
        .kv_heads = 32,
        .width = 4096,
        .hidden = 11008,
        .sequence = 4096,
        .vocabulary = 32000}},
      {"llama3-8b",
       {.layers = 32,
        .heads = 32,
        .kv_heads = 8,
        .width = 4096,
        .hidden = 14336,
        .sequence = 8192,
        .vocabulary = 128256,
        .rotary_base = 500000.0f}},
      {"llama3-70b",
       {.layers = 80,
        .heads = 64,
        .kv_heads = 8,
        .width = 8192,
        .hidden = 28672,
        .sequence = 8192,
        .vocabulary = 128256,
        .rotary_base = 500000.0f}},
  }};
  for (const auto& [known, config] : presets)
    if (known == name) return config;
  fail("llama", "expected a preset llama-byte, llama2-7b, llama3-8b or llama3-70b, found", name);
}

void check(const LlamaConfig& c) {
  require(c.layers > 0 && c.heads > 0 && c.kv_heads > 0 && c.width > 0 && c.hidden > 0 && c.sequence > 0 &&
              c.vocabulary > 0,
          "llama", "expected positive sizes, found", c.layers, "layers,", c.heads, "heads,", c.kv_heads,
          "key/value heads, width", c.width, "hidden", c.hidden, "sequence", c.sequence, "vocabulary", c.vocabulary);
  require(c.width % (2 * c.heads) == 0, "llama", "expected heads of an even width:", c.width,
          "is not a multiple of twice", c.heads);
  require(c.heads % c.kv_heads == 0, "llama", "expected heads in equal groups, one for each key/value head:", c.heads,
          "is not a multiple of", c.kv_heads);
}

DecoderSizes sizes_of(const LlamaConfig& c) {
  const std::int64_t keys_and_values = 2 * c.kv_heads * (c.width / c.heads);
  return {.layers = c.layers,
          .width = c.width,
          .sequence = c.sequence,
          .vocabulary = c.vocabulary,
          .block_weights = c.width * (2 * c.width + keys_and_values + 3 * c.hidden),
          .recompute = c.recompute};
}

LlamaBlock::LlamaBlock(const LlamaConfig& config)
    : norm_1(config.width, config.epsilon),
      attention(config.width, {.heads = config.heads,
                               .kv_heads = config.kv_heads,
                               .bias = false,
                               .dropout = config.dropout,
                               .rotary_base = config.rotary_base,
                               .weight = nn::Init::normal(init_deviation),
                               .projection = residual_init(config)}),
      norm_2(config.width, config.epsilon),
      mlp(config.width, config.hidden,
          {.bias = false,
           .gated = true,
           .activation = Activation::silu,
           .weight = nn::Init::normal(init_deviation),
           .projection = residual_init(config)}),
      attention_branch(config.dropout),
      mlp_branch(config.dropout) {
  add("norm_1", norm_1);
  add("attention", attention);
  add("attention_branch", attention_branch);
  add("norm_2", norm_2);
  add("mlp", mlp);
  add("mlp_branch", mlp_branch);
}

nn::Residual LlamaBlock::forward(Context& cx, nn::Residual residual, nn::KeyValueCache* cache) {
  const TimeRange range(cx.device, path());
  Tensor y = norm_1.forward(cx, residual);
  residual.branch = attention_branch.forward(cx, attention.forward(cx, y, cache));
  y = norm_2.forward(cx, residual);
  residual.branch = mlp_branch.forward(cx, mlp.forward(cx, y));
  return residual;
}

Llama::Llama(const LlamaConfig& config) : Llama(config, {{.begin = 0, .end = config.layers}}) {}

Llama::Llama(const LlamaConfig& config, std::vector<DecoderPiece> pieces)
    : Decoder((check(config), sizes_of(config)), std::move(pieces)),
      config_(config),
      tokens(config.vocabulary, config.width, nn::Init::normal(init_deviation)),
      embedding_dropout(config.dropout),
      norm_f(config.width, config.epsilon),
      output(config.width, config.vocabulary, {.bias = false, .weight = nn::Init::normal(init_deviation)}) {
  if (embeds() || (heads() && config.tied)) add("token_embedding", tokens.weight);
  if (embeds()) {
    add("token_embedding", tokens);
    add("embedding", embedding_dropout);
  }
  for (const DecoderPiece& piece : this->pieces()) {
    for (std::int64_t layer = piece.begin; layer < piece.end; ++layer) {
      blocks.push_back(std::make_unique<LlamaBlock>(config));
      add("blocks." + std::to_string(layer), *blocks.back());
    }
  }
  if (heads()) {
    add("norm_f", norm_f);
    if (!config.tied) add("output", output);
    add("loss", head);
  }
}

nn::Residual Llama::embed(Context& cx, const Tensor& ids, std::int64_t) {
  return {embedding_dropout.forward(cx, tokens.forward(cx, ids)), {}};  // (B, T, C)
}

nn::Residual Llama::run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) {
  return blocks[block]->forward(cx, std::move(residual), cache);
}

std::vector<nn::KeyValueCache> Llama::make_caches(Device& device, DType dtype, std::int64_t batch) const {
  std::vector<nn::KeyValueCache> caches;
  for (const auto& block : blocks)
    caches.push_back(block->attention.make_cache(device, dtype, batch, config_.sequence));
  return caches;
}

}  // namespace trireme::models
