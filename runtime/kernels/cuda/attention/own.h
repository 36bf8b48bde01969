// Attention by kernels of our own: every dtype and dropout, in fp32 arithmetic. Blocked as in Dao et al. 2022
// (FlashAttention): the square of probabilities is never in memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "runtime/base/dtype.h"
#include "runtime/base/philox.h"
#include "runtime/kernels/step_state.h"

namespace trireme::cuda {

inline constexpr std::int64_t widest_head = 256;

// The vectors of all heads in a tensor, as element counts from its start; null where a pass has none.
struct Vectors {
  void* data = nullptr;
  std::int64_t batch_stride = 0, row_stride = 0;  // a head's vector lies `width` elements after that of the one before
};

struct KeptProbabilities {
  float probability = 0.0f;  // of dropping; 0: no dropout
  RandomKey place{};
  std::int64_t step = 0;
  const StepState* state = nullptr;  // on the device; its step is used instead
  std::int64_t first = 0;            // element e = ((b heads + h) length + i) length + j draws first + runs.number(e)
  Runs runs{};
};

struct OwnAttention {
  DType dtype = DType::f32;
  Vectors query, key, value, out;
  Vectors dout, dquery, dkey, dvalue;  // of the backward pass
  float* lse = nullptr;                // (batch, heads, length)
  float* delta = nullptr;              // (batch, heads, length), scratch of the backward pass
  std::int64_t batch = 1;
  int heads = 1, kv_heads = 1;
  int length = 1, width = 1;
  bool causal = true;
  float scale = 1.0f;
  KeptProbabilities kept{};
};

// Widths up to widest_head.
void own_attention(cudaStream_t stream, const OwnAttention& task);
// Reads out and lse. Every sum is taken in one order: a block owns the gradients it adds to.
void own_attention_grad(cudaStream_t stream, const OwnAttention& task);

}  // namespace trireme::cuda
