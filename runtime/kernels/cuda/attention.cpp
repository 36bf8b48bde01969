#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/attention/library.h"
#include "runtime/kernels/cuda/attention/own.h"
#include "runtime/kernels/cuda/cuda_class.h"

namespace trireme::cuda {
namespace {

// The vectors of one kind in a packed (B, T, slots, D) tensor, from slot `first` on.
Vectors vectors_of(const Tensor& packed, std::int64_t slots, std::int64_t width, std::int64_t first) {
  return {.data = packed.raw() + first * width * size_of(packed.dtype()),
          .batch_stride = packed.size(1) * slots * width,
          .row_stride = slots * width};
}

// Lengths and head counts fit in an int: the products of two of them are elements of one tensor.
OwnAttention own_task(const Tensor& qkv, const Tensor& out, const Tensor& lse, const Attention& how) {
  const std::int64_t slots = how.heads + 2 * how.kv_heads;
  const std::int64_t width = qkv.numel() / (qkv.size(0) * qkv.size(1) * slots);
  return {.dtype = qkv.dtype(),
          .query = vectors_of(qkv, slots, width, 0),
          .key = vectors_of(qkv, slots, width, how.heads),
          .value = vectors_of(qkv, slots, width, how.heads + how.kv_heads),
          .out = vectors_of(out, how.heads, width, 0),
          .dout = {},
          .dquery = {},
          .dkey = {},
          .dvalue = {},
          .lse = lse.data<float>(),
          .batch = qkv.size(0),
          .heads = static_cast<int>(how.heads),
          .kv_heads = static_cast<int>(how.kv_heads),
          .length = static_cast<int>(qkv.size(1)),
          .width = static_cast<int>(width),
          .causal = how.causal,
          .scale = how.scale,
          .kept = {.probability = how.dropout.probability,
                   .place = how.dropout.key,
                   .step = how.dropout.step,
                   .state = state_of(how.dropout.state),
                   .first = how.dropout.first,
                   .runs = how.dropout.runs}};
}

}  // namespace

AttentionEngine& CudaKernels::attention_engine() {
  if (!attention_engine_) attention_engine_ = make_attention_engine(device_);
  return *attention_engine_;
}

void CudaKernels::attention(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) {
  if (qkv.numel() == 0) return;
  if (library_attention(attention_engine(), out, lse, qkv, how)) return;
  own_attention(stream_, own_task(qkv, out, lse, how));
}

void CudaKernels::attention_grad(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor& out,
                                 const Tensor& lse, const Attention& how) {
  if (qkv.numel() == 0) return;
  if (library_attention_grad(attention_engine(), dqkv, dout, qkv, out, lse, how)) return;
  OwnAttention task = own_task(qkv, out, lse, how);
  const OwnAttention gradients = own_task(dqkv, dout, lse, how);
  task.dout = gradients.out;
  task.dquery = gradients.query;
  task.dkey = gradients.key;
  task.dvalue = gradients.value;
  const Scratch delta = device_.scratch(lse.bytes());
  task.delta = delta.as<float>();
  own_attention_grad(stream_, task);
}

}  // namespace trireme::cuda
