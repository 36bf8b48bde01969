#include <cstring>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/host_state.h"

namespace trireme {
namespace cpu {
namespace {

constexpr std::int64_t tile = 64;  // of queries and keys, as in level/attention_pack.h

std::int64_t padded(std::int64_t count, std::int64_t to) {
  return (count + to - 1) / to * to;
}

// Where the heads of a packed (B, T, slots, D) tensor stand.
struct Slots {
  Array data;
  std::int64_t length, slots, width;

  Head at(std::int64_t batch, std::int64_t slot) const {
    return {data, (batch * length * slots + slot) * width, slots * width};
  }
};

std::int64_t width_of(const Tensor& qkv, const Attention& how) {
  return qkv.numel() / (qkv.size(0) * qkv.size(1) * (how.heads + 2 * how.kv_heads));
}

}  // namespace

std::int64_t attention_forward_scratch(std::int64_t keys, std::int64_t width) {
  return padded(width, 16) * (2 * tile + 2 * padded(keys, tile));
}

std::int64_t attention_backward_scratch(std::int64_t length, std::int64_t width) {
  return padded(length, tile) * (8 * padded(width, 16) + 2);
}

void CpuKernels::attention(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) {
  if (qkv.numel() == 0) return;
  const std::int64_t batch = qkv.size(0), length = qkv.size(1), width = width_of(qkv, how);
  const std::int64_t group = how.heads / how.kv_heads;
  const Slots in{array_of(qkv), length, how.heads + 2 * how.kv_heads, width};
  const Slots to{array_of(out), length, how.heads, width};
  pool_.run(batch * how.heads, [&](std::int64_t task) {
    const std::int64_t b = task / how.heads, h = task % how.heads;
    const Scratch::Lease scratch = scratch_.take(attention_forward_scratch(length, width));
    AttentionForward head{.query = in.at(b, h),
                          .key = in.at(b, how.heads + h / group),
                          .value = in.at(b, how.heads + how.kv_heads + h / group),
                          .out = to.at(b, h),
                          .lse = lse.data<float>() + task * length,
                          .queries = length,
                          .keys = length,
                          .width = width,
                          .first = 0,
                          .causal = how.causal,
                          .scale = how.scale,
                          .dropout = at_this_step(how.dropout),
                          .scratch = scratch.data()};
    head.dropout.first += how.dropout.runs.number(task * length * length);
    level_.attention(head);
  });
}

void CpuKernels::attention_grad(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor& out,
                                const Tensor& lse, const Attention& how) {
  if (qkv.numel() == 0) return;
  const std::int64_t batch = qkv.size(0), length = qkv.size(1), width = width_of(qkv, how);
  const std::int64_t group = how.heads / how.kv_heads, slots = how.heads + 2 * how.kv_heads;
  const Slots in{array_of(qkv), length, slots, width}, gradient{array_of(dqkv), length, slots, width};
  const Slots result{array_of(out), length, how.heads, width}, upstream{array_of(dout), length, how.heads, width};
  pool_.run(batch * how.kv_heads, [&](std::int64_t task) {
    const std::int64_t b = task / how.kv_heads, k = task % how.kv_heads, h = k * group;
    const std::int64_t key = how.heads + k, value = key + how.kv_heads, first = b * how.heads + h;
    const Scratch::Lease scratch = scratch_.take(attention_backward_scratch(length, width));
    AttentionBackward heads{.query = in.at(b, h),
                            .key = in.at(b, key),
                            .value = in.at(b, value),
                            .out = result.at(b, h),
                            .dout = upstream.at(b, h),
                            .dquery = gradient.at(b, h),
                            .dkey = gradient.at(b, key),
                            .dvalue = gradient.at(b, value),
                            .lse = lse.data<float>() + first * length,
                            .group = group,
                            .length = length,
                            .width = width,
                            .causal = how.causal,
                            .scale = how.scale,
                            .dropout = at_this_step(how.dropout),
                            .scratch = scratch.data()};
    heads.dropout.first += how.dropout.runs.number(first * length * length);
    level_.attention_grad(heads);
  });
}

void CpuKernels::attention_cached(Tensor& out, Tensor& cache, const Tensor& qkv, std::int64_t position,
                                  const Attention& how) {
  if (qkv.numel() == 0) return;
  constexpr std::int64_t few = 8;  // up to so many queries, packing the keys costs more than it gains
  const std::int64_t batch = qkv.size(0), length = qkv.size(1), width = width_of(qkv, how);
  const std::int64_t group = how.heads / how.kv_heads, slots = how.heads + 2 * how.kv_heads;
  const std::int64_t row = 2 * how.kv_heads * width * size_of(qkv.dtype()), capacity = cache.size(1);
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t t = 0; t < length; ++t)
      std::memcpy(cache.raw() + (b * capacity + position + t) * row,
                  qkv.raw() + ((b * length + t) * slots + how.heads) * width * size_of(qkv.dtype()),
                  static_cast<std::size_t>(row));
  const Slots in{array_of(qkv), length, slots, width}, kept{array_of(cache), capacity, 2 * how.kv_heads, width};
  const Slots to{array_of(out), length, how.heads, width};
  const std::int64_t keys = position + length;
  pool_.run(batch * how.heads, [&](std::int64_t task) {
    const std::int64_t b = task / how.heads, h = task % how.heads;
    const Scratch::Lease scratch =
        scratch_.take(length <= few ? padded(keys, 16) : attention_forward_scratch(keys, width));
    const AttentionForward head{.query = in.at(b, h),
                                .key = kept.at(b, h / group),
                                .value = kept.at(b, how.kv_heads + h / group),
                                .out = to.at(b, h),
                                .lse = nullptr,
                                .queries = length,
                                .keys = keys,
                                .width = width,
                                .first = position,
                                .causal = true,
                                .scale = how.scale,
                                .dropout = {},
                                .scratch = scratch.data()};
    if (length <= few)
      level_.attention_few(head);
    else
      level_.attention(head);
  });
}

}  // namespace cpu
}  // namespace trireme
