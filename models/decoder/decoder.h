// What language models have in common that read from left to right: an embedding, blocks one after the other, a head.
// Rankless: what is here knows one process.
//
// Legend: B batch, T sequence, C width, V vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/nn/layers.h"
#include "runtime/nn/vocabulary.h"

namespace trireme::models {

// What it takes to cut, run and cost a model, whatever its blocks are.
struct DecoderSizes {
  std::int64_t layers = 0;
  std::int64_t width = 0;
  std::int64_t sequence = 0;  // T at most
  std::int64_t vocabulary = 0;
  std::int64_t block_weights = 0;  // elements of a block's matrices
  bool recompute = false;          // keep a block's input alone and run the block again in the backward pass
  bool attends = true;             // a token reads all those before it; false: the state that they left

  // Multiplications and additions of a token's forward pass, in a block and in the head: attention over the full
  // square.
  double block_work() const {
    return 2.0 * static_cast<double>(block_weights) + (attends ? 4.0 * static_cast<double>(sequence * width) : 0.0);
  }
  double head_work() const { return 2.0 * static_cast<double>(width * vocabulary); }
};

// A piece of the model, for a pipeline's stage: blocks [begin, end), with the embeddings before them and the head
// behind them where it has those ends.
struct DecoderPiece {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool embeds = true;
  bool heads = true;
};

class Decoder : public nn::Module {
 public:
  // One piece: `x` (B, T, C) is what the piece before it gave, undefined where it embeds the ids; the answer
  // is the next piece's x, or the mean loss where it has the head.
  Tensor forward(Context& cx, int piece, const Tensor& x, const Tensor& ids, const Tensor& targets);
  const std::vector<DecoderPiece>& pieces() const noexcept { return pieces_; }
  bool embeds() const { return has(&DecoderPiece::embeds); }
  bool heads() const { return has(&DecoderPiece::heads); }
  // The parameter that embedding and head share; null where each has one of its own.
  virtual nn::Parameter* shared_parameter() = 0;

  // Of the whole model. Mean cross entropy, nats per token. ids, targets (B, T) i32, T at most sizes().sequence.
  Tensor loss(Context& cx, const Tensor& ids, const Tensor& targets);
  // Logits (B, T, V) of the next token at every place; with caches (one per layer), of the new tokens alone.
  Tensor logits(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches = nullptr);
  virtual std::vector<nn::KeyValueCache> make_caches(Device& device, DType dtype, std::int64_t batch) const = 0;

  const DecoderSizes& sizes() const noexcept { return sizes_; }
  // Matrix products of one forward and backward pass of the whole model, the backward counted as twice the forward and
  // attention as the full square: 6 B T (L W + V C) + 12 L B T^2 C, W the weights of a block; without attention,
  // without its term.
  double flops(std::int64_t batch, std::int64_t sequence) const;

 protected:
  // Some pieces; `blocks` counts from 0 over all of them.
  Decoder(const DecoderSizes& sizes, std::vector<DecoderPiece> pieces);

  virtual nn::Residual embed(Context& cx, const Tensor& ids, std::int64_t position) = 0;
  virtual nn::Residual run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) = 0;
  virtual Tensor normalise(Context& cx, nn::Residual& residual) = 0;
  virtual Tensor head_weight() = 0;  // (V, C)
  // What the head makes of normalise()'s: the mean loss, and the logits (B, T, V).
  virtual Tensor score(Context& cx, const Tensor& x, const Tensor& targets);
  virtual Tensor predict(Context& cx, const Tensor& x);

 private:
  bool has(bool DecoderPiece::*end) const;
  nn::Residual run_block(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache);
  Tensor features(Context& cx, const Tensor& ids, std::vector<nn::KeyValueCache>* caches);
  Tensor finish(Context& cx, nn::Residual& residual, const Tensor& targets);

  DecoderSizes sizes_;
  std::vector<DecoderPiece> pieces_;

 public:
  nn::VocabularyLoss head;
};

}  // namespace trireme::models
