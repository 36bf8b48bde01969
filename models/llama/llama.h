// A decoder of the Llama family (Touvron et al. 2023, Grattafiori et al. 2024): RMS norms, rotary positions, gated
// feed-forward networks, queries that share keys and values in groups (Ainslie et al. 2023), no biases.
//
// Weights are those of the published models, but for packing: attention.qkv is the query, key and value projections one
// below the other, mlp.up the gate's below which the other half lies; pairs of a rotated head are i and i + D / 2.
#pragma once

#include <string_view>

#include "models/decoder/decoder.h"
#include "runtime/nn/dropout.h"

namespace trireme::models {

struct LlamaConfig {
  std::int64_t layers = 6;
  std::int64_t heads = 6;
  std::int64_t kv_heads = 2;  // divide the heads
  std::int64_t width = 192;
  std::int64_t hidden = 448;  // of the feed-forward networks
  std::int64_t sequence = 256;
  std::int64_t vocabulary = 256;
  float rotary_base = 10000.0f;
  float epsilon = 1e-5f;  // of the norms
  float dropout = 0.0f;   // of embeddings, attention probabilities and residual branches
  bool tied = false;      // the head's weights are those of the embedding
  bool recompute = false;
};

// The published sizes: "llama2-7b", "llama3-8b", "llama3-70b"; and a toy of this project, "llama-byte" (2 million
// parameters).
LlamaConfig llama_preset(std::string_view name);
// Throws if the sizes do not fit together.
void check(const LlamaConfig& config);
DecoderSizes sizes_of(const LlamaConfig& config);

// As GptBlock: its last branch is left for the next normalisation to add.
class LlamaBlock : public nn::Module {
 public:
  explicit LlamaBlock(const LlamaConfig& config);
  nn::Residual forward(Context& cx, nn::Residual residual, nn::KeyValueCache* cache);

  nn::RmsNorm norm_1;
  nn::SelfAttention attention;
  nn::RmsNorm norm_2;
  nn::FeedForward mlp;
  nn::Dropout attention_branch, mlp_branch;
};

class Llama : public Decoder {
 public:
  explicit Llama(const LlamaConfig& config);
  // Some pieces alone. Names and initial values are those of the whole model's parameters.
  Llama(const LlamaConfig& config, std::vector<DecoderPiece> pieces);

  const LlamaConfig& config() const noexcept { return config_; }
  nn::Parameter* shared_parameter() override { return config_.tied ? &tokens.weight : nullptr; }
  std::vector<nn::KeyValueCache> make_caches(Device& device, DType dtype, std::int64_t batch) const override;

 private:
  nn::Residual embed(Context& cx, const Tensor& ids, std::int64_t position) override;
  nn::Residual run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) override;
  Tensor normalise(Context& cx, nn::Residual& residual) override { return norm_f.forward(cx, residual); }
  Tensor head_weight() override { return config_.tied ? tokens.weight.tensor() : output.weight.tensor(); }

  LlamaConfig config_;

 public:
  nn::Embedding tokens;  // (V, C)
  nn::Dropout embedding_dropout;
  std::vector<std::unique_ptr<LlamaBlock>> blocks;  // of all pieces, one after the other
  nn::RmsNorm norm_f;
  nn::Linear output;  // C -> V, the head's weights unless they are tied
};

}  // namespace trireme::models
