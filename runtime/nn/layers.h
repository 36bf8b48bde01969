// The layers that models are assembled from.
#pragma once

#include <cstdint>

#include "runtime/nn/module.h"
#include "runtime/nn/parts.h"

namespace trireme::nn {

struct LinearOptions {
  bool bias = true;
  Init weight = {Init::Kind::he_uniform, 0.40824829f};  // uniform in 1 / sqrt(in): the field's habit
  Init bias_init = Init::zero();
  Activation activation = Activation::identity;  // fused
};

// y = activation(x weight^T + bias): x (..., in) -> (..., out).
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, const LinearOptions& options = {});
  Tensor forward(Context& cx, const Tensor& x);

  Parameter weight;  // (out, in)
  Parameter bias;    // (out); not registered without bias
  Exchange before;   // of x, where this is a part of the outputs
  Exchange after;    // of x weight^T, where this is a part of the inputs: bias and activation follow
  Exchange behind;   // of y: from here on nobody reads what `before` brought, until the backward pass has come here
  bool eight_bits = false;  // products of factors rounded to 8 bits, as ops::LinearForm says

 private:
  LinearOptions options_;
};

class Embedding : public Module {
 public:
  Embedding(std::int64_t vocabulary, std::int64_t width, Init init = Init::normal(0.02f));
  Tensor forward(Context& cx, const Tensor& ids);
  // Adds positions[first_position + t], positions (P, width), to the row of ids (B, T) at t.
  Tensor forward(Context& cx, const Tensor& ids, const Tensor& positions, std::int64_t first_position);

  Parameter weight;  // (vocabulary, width)
  Exchange after;    // of the rows found, where this is a part of the vocabulary
  Part rows;         // of what comes back from it: all, or a part of the B T rows
};

// A residual stream on its way through a model, with a branch that is not added yet: the next normalisation adds it, in
// one pass over memory.
struct Residual {
  Tensor stream;
  Tensor branch;  // undefined: nothing to add
};

class LayerNorm : public Module {
 public:
  explicit LayerNorm(std::int64_t width, float epsilon = 1e-5f);
  Tensor forward(Context& cx, const Tensor& x);
  // Adds the branch to the stream and returns the normalised sum.
  Tensor forward(Context& cx, Residual& residual);

  Parameter weight;  // (width)
  Parameter bias;    // (width)

 private:
  float epsilon_;
};

class RmsNorm : public Module {
 public:
  explicit RmsNorm(std::int64_t width, float epsilon = 1e-5f);
  Tensor forward(Context& cx, const Tensor& x);
  Tensor forward(Context& cx, Residual& residual);

  Parameter weight;  // (width)

 private:
  float epsilon_;
};

// Keys and values of the tokens so far, for generation.
struct KeyValueCache {
  Tensor rows;                // (B, capacity, 2 K, D)
  std::int64_t position = 0;  // tokens held
};

struct SelfAttentionOptions {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 0;  // 0: as many as heads
  bool causal = true;
  bool bias = true;
  float dropout = 0.0f;      // of the probabilities
  float rotary_base = 0.0f;  // of rotary positions of queries and keys; 0: none
  Init weight = Init::normal(0.02f);
  Init projection = Init::normal(0.02f);
};

// Multi-head self-attention: one packed projection to queries, keys and values, attention, an output projection.
// x (B, T, C) -> (B, T, C).
class SelfAttention : public Module {
 public:
  SelfAttention(std::int64_t width, const SelfAttentionOptions& options);
  Tensor forward(Context& cx, const Tensor& x, KeyValueCache* cache = nullptr);
  // An empty cache for `batch` sequences of at most `capacity` tokens.
  KeyValueCache make_cache(Device& device, DType dtype, std::int64_t batch, std::int64_t capacity) const;

  // Makes this layer one of several that share the heads: it has these, and they drop what they drop among all. The
  // projections are cut by the caller.
  void keep_heads(const Interval& heads, const Interval& kv_heads);
  const SelfAttentionOptions& options() const noexcept { return options_; }  // of the heads that are here
  std::int64_t head_width() const noexcept { return head_width_; }

 private:
  SelfAttentionOptions options_;
  std::int64_t head_width_;
  std::int64_t first_head_ = 0, all_heads_;

 public:
  Linear qkv;   // C -> (H + 2 K) D
  Linear proj;  // C -> C
};

struct FeedForwardOptions {
  bool bias = true;
  bool gated = false;  // SwiGLU and its like, Shazeer 2020: activation(a) b, with a and b from `up`
  Activation activation = Activation::gelu;
  Init weight = Init::normal(0.02f);
  Init projection = Init::normal(0.02f);
};

// The position-wise network of a transformer block: C -> hidden -> C.
class FeedForward : public Module {
 public:
  FeedForward(std::int64_t width, std::int64_t hidden, const FeedForwardOptions& options = {});
  Tensor forward(Context& cx, const Tensor& x);
  const FeedForwardOptions& options() const noexcept { return options_; }

 private:
  FeedForwardOptions options_;

 public:
  Linear up;    // C -> hidden, activation; gated: C -> 2 hidden, first all of a, then all of b
  Linear down;  // hidden -> C
};

}  // namespace trireme::nn
