// GPT-2: a decoder-only transformer (Radford et al. 2019). Rankless: what is here knows one process.
//
// Legend: B batch, T sequence, C width, H heads, V vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/nn/dropout.h"
#include "runtime/nn/layers.h"
#include "runtime/nn/vocabulary.h"

namespace trireme::models {

struct GptConfig {
  std::int64_t layers = 6;
  std::int64_t heads = 6;
  std::int64_t width = 384;
  std::int64_t sequence = 256;    // T at most: the number of positions
  std::int64_t vocabulary = 256;  // pad it to a multiple of 64 for speed (GPT-2's 50257 -> 50304)
  float dropout = 0.0f;           // of embeddings, attention probabilities and residual branches
  bool bias = true;               // of the linear layers
  Activation activation = Activation::gelu;
  bool recompute = false;  // keep a block's input alone and run the block again in the backward pass
};

// A piece of the model, for a pipeline's stage: blocks [begin, end), with the embeddings before them and the head
// behind them where it has those ends.
struct GptPiece {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool embeds = true;
  bool heads = true;
};

// The published sizes: "gpt2-124m", "gpt2-350m", "gpt2-774m", "gpt2-1558m"; and this project's own toys "gpt-byte" and
// "gpt-tiny" (6 layers, width 384, T 256; vocabulary 256 and 50304).
GptConfig gpt_preset(std::string_view name);
// Throws if the sizes do not fit together.
void check(const GptConfig& config);

// One block: residual stream in, residual stream out, its last branch left for the next normalisation to add.
class GptBlock : public nn::Module {
 public:
  explicit GptBlock(const GptConfig& config);
  nn::Residual forward(Context& cx, nn::Residual residual, nn::KeyValueCache* cache);

  nn::LayerNorm ln_1;
  nn::SelfAttention attention;
  nn::LayerNorm ln_2;
  nn::FeedForward mlp;
  nn::Dropout attention_branch, mlp_branch;
};

class Gpt : public nn::Module {
 public:
  explicit Gpt(const GptConfig& config);
  // Some pieces alone. Names and initial values are those of the whole model's parameters. With the head and without
  // the embeddings, the head's weights are a copy of those of another piece (token_embedding()).
  Gpt(const GptConfig& config, std::vector<GptPiece> pieces);

  // One piece: `x` (B, T, C) is what the piece before it gave, undefined where it embeds the ids; the answer
  // is the next piece's x, or the mean loss where it has the head.
  Tensor forward(Context& cx, int piece, const Tensor& x, const Tensor& ids, const Tensor& targets);
  const std::vector<GptPiece>& pieces() const noexcept { return pieces_; }
  nn::Parameter& token_embedding() noexcept { return tokens.weight; }

  // Mean cross entropy, nats per token. ids, targets (B, T) i32, T at most config().sequence.
  Tensor loss(Context& cx, const Tensor& ids, const Tensor& targets);
  // Logits (B, T, V) of the next token at every place; with caches (one per layer), of the new tokens alone.
  Tensor logits(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches = nullptr);
  std::vector<nn::KeyValueCache> make_caches(Device& device, DType dtype, std::int64_t batch) const;

  const GptConfig& config() const noexcept { return config_; }
  // Matrix products of one forward and backward pass, the backward counted as twice the forward and attention as the
  // full square: 6 B T (12 L C^2 + V C) + 12 L B T^2 C.
  double flops(std::int64_t batch, std::int64_t sequence) const;

 private:
  Tensor features(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches);
  nn::Residual embed(Context& cx, const Tensor& ids, std::int64_t position);
  nn::Residual run_block(Context& cx, std::size_t block, const nn::Residual& residual, nn::KeyValueCache* cache);

  GptConfig config_;
  std::vector<GptPiece> pieces_;

 public:
  nn::Embedding tokens;     // (V, C), also the output head
  nn::Parameter positions;  // (T, C)
  nn::Dropout embedding_dropout;
  std::vector<std::unique_ptr<GptBlock>> blocks;  // of all pieces, one after the other
  nn::LayerNorm ln_f;
  nn::VocabularyLoss head;
};

}  // namespace trireme::models
