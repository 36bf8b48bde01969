// GPT-2: a decoder-only transformer (Radford et al. 2019).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "models/decoder/decoder.h"
#include "runtime/nn/dropout.h"

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

// The published sizes: "gpt2-124m", "gpt2-350m", "gpt2-774m", "gpt2-1558m"; and this project's own toys "gpt-byte" and
// "gpt-tiny" (6 layers, width 384, T 256; vocabulary 256 and 50304).
GptConfig gpt_preset(std::string_view name);
// Throws if the sizes do not fit together.
void check(const GptConfig& config);
DecoderSizes sizes_of(const GptConfig& config);

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

class Gpt : public Decoder {
 public:
  explicit Gpt(const GptConfig& config);
  // Some pieces alone. Names and initial values are those of the whole model's parameters. With the head and without
  // the embeddings, the head's weights are a copy of those of another piece.
  Gpt(const GptConfig& config, std::vector<DecoderPiece> pieces);

  const GptConfig& config() const noexcept { return config_; }
  nn::Parameter* shared_parameter() override { return &tokens.weight; }
  std::vector<nn::KeyValueCache> make_caches(Device& device, DType dtype, std::int64_t batch) const override;

 private:
  nn::Residual embed(Context& cx, const Tensor& ids, std::int64_t position) override;
  nn::Residual run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) override;
  Tensor normalise(Context& cx, nn::Residual& residual) override { return ln_f.forward(cx, residual); }
  Tensor head_weight() override { return tokens.weight.tensor(); }

  GptConfig config_;

 public:
  nn::Embedding tokens;     // (V, C), also the output head
  nn::Parameter positions;  // (T, C)
  nn::Dropout embedding_dropout;
  std::vector<std::unique_ptr<GptBlock>> blocks;  // of all pieces, one after the other
  nn::LayerNorm ln_f;
};

}  // namespace trireme::models
