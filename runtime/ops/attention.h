// Scaled dot-product attention over packed projections.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

struct AttentionOptions {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;  // fewer than heads: grouped-query attention, Ainslie et al. 2023
  bool causal = true;
  float dropout = 0.0f;  // of the probabilities, while training
  std::string_view site = {};
  // Where these are some of the heads of a layer, which drop what they drop among all: heads first_head, first_head +
  // 1,
  // ... of all_heads; 0: these are all.
  std::int64_t first_head = 0;
  std::int64_t all_heads = 0;
};

// qkv (B, T, (H + 2 K) D) -> (B, T, H D), scale 1 / sqrt(D). Computed block by block (Dao et al. 2022): memory grows
// with T.
Tensor attention(Context& cx, const Tensor& qkv, const AttentionOptions& options);

struct RotaryOptions {
  std::int64_t heads = 1;    // in all
  std::int64_t rotated = 1;  // of them, the first
  float base = 10000.0f;
  std::int64_t position = 0;  // of the first row of a sequence
};
// Rotary position embedding (Su et al. 2021) of the first heads of x (B, T, heads D): elements i and i + D / 2 of a
// head at position p are turned by the angle p base^(-2 i / D). An x whose storage nobody else holds is overwritten by
// the result: do not read it afterwards.
Tensor rotate(Context& cx, const Tensor& x, const RotaryOptions& options);

// Generation: qkv (B, N, (H + 2 K) D) of N new tokens, whose keys and values are appended to cache
// (B, capacity, 2 K, D) at `position`. Not differentiable.
Tensor attention_cached(Context& cx, const Tensor& qkv, Tensor& cache, std::int64_t position,
                        const AttentionOptions& options);

}  // namespace trireme::ops
