// Scaled dot-product attention as cuDNN graphs, on projections as the models leave them: packed (B, T, H + 2 K, D).
#pragma once

#include <cstdint>

#include "runtime/base/dtype.h"
#include "runtime/kernels/cuda/dnn/graph.h"

namespace trireme::cuda::dnn {

// A graph for attention over `batch` sequences and `heads` query heads (with their `kv_heads` key/value heads), which
// lie in a packed tensor that may have more heads than those: the strides are those of the whole.
struct AttentionShape {
  std::int64_t batch = 1, length = 1, heads = 1, kv_heads = 1, width = 1;
  std::int64_t slots = 3;      // H + 2 K of the packed tensor
  std::int64_t out_heads = 1;  // H of the whole tensor
  bool causal = true;
  DType dtype = DType::bf16;

  friend bool operator==(const AttentionShape&, const AttentionShape&) = default;
};

// Names of the graphs' tensors in memory.
enum class AttentionName : std::int64_t {
  query = 1,
  key,
  value,
  out,             // (batch, length, heads, width)
  lse,             // (batch, heads, length) fp32, with the strides of out_heads heads
  scale,           // host fp32: factor of the scores
  minus_infinity,  // host fp32
  one,             // host fp32
  dout,
  dquery,
  dkey,
  dvalue,
  delta,  // (batch, heads, length) fp32, scratch
};

// out = softmax(scale q k^T) v, lse = log of the softmax's denominators.
Graph attention_forward(const AttentionShape& shape);
// The gradients of query, key and value. Every gradient is summed in one order: the scores' gradients lie in the
// workspace (batch heads length^2 elements), and nothing is added to by several blocks at once. The other form, which
// adds the queries' gradients up in fp32 memory, needs no such workspace but gives other bits on every call, although
// cuDNN's numerical notes do not say so; NVIDIA's own frontend asks for determinism on Hopper by this one.
Graph attention_backward(const AttentionShape& shape);

// Bytes of that workspace, about.
std::int64_t backward_workspace(const AttentionShape& shape);
// The largest equal part of the batch, or of one sequence's heads, whose workspace is below `bytes`; at least one
// key/value head of one sequence.
AttentionShape backward_slice(AttentionShape shape, std::int64_t bytes);

}  // namespace trireme::cuda::dnn
