#include "runtime/ops/attention.h"

#include <cmath>

namespace trireme::ops {
namespace {

struct Packed {
  Shape qkv, out;
  std::int64_t head_width = 0;
};

Packed unpack(std::string_view op, const Tensor& qkv, const AttentionOptions& options) {
  const std::int64_t packed_heads = options.heads + 2 * options.kv_heads;
  if (options.heads < 1 || options.kv_heads < 1 || options.heads % options.kv_heads != 0)
    fail(op, "expected heads to be a multiple of key/value heads, found", options.heads, "and", options.kv_heads);
  if (qkv.shape().dims() != 3 || qkv.size(2) % packed_heads != 0)
    fail(op, "expected qkv (B, T, ", packed_heads, "x head width), found", qkv.shape());
  const std::int64_t width = qkv.size(2) / packed_heads;
  return {{qkv.size(0), qkv.size(1), packed_heads, width}, {qkv.size(0), qkv.size(1), options.heads, width}, width};
}

Attention arguments(const AttentionOptions& options, std::int64_t head_width) {
  return {.heads = options.heads,
          .kv_heads = options.kv_heads,
          .causal = options.causal,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_width)),
          .dropout = {}};
}

}  // namespace

Tensor attention(Context& cx, const Tensor& qkv, const AttentionOptions& options) {
  const Packed shapes = unpack("attention", qkv, options);
  const std::int64_t batch = qkv.size(0), sequence = qkv.size(1);
  Attention how = arguments(options, shapes.head_width);
  if (cx.training && options.dropout > 0.0f) {
    const std::int64_t square = sequence * sequence, all = options.all_heads == 0 ? options.heads : options.all_heads;
    how.dropout = cx.dropout(options.site, options.dropout, batch * all * square);
    how.dropout.first += options.first_head * square;
    if (all != options.heads) how.dropout.runs = {.length = options.heads * square, .stride = all * square};
  }

  Tensor out = empty(cx.device, shapes.out, qkv.dtype());
  Tensor lse = empty(cx.device, {batch, options.heads, sequence}, DType::f32);
  cx.kernels.attention(out, lse, qkv.view(shapes.qkv), how);
  Tensor y = out.view({batch, sequence, options.heads * shapes.head_width});
  record(cx, "attention", {&qkv}, {&y}, [qkv = qkv.detached(), out, lse, how, shapes](Gradients& g) {
    Tensor dqkv = empty_like(qkv);
    Tensor place = dqkv.view(shapes.qkv);
    g.kernels().attention_grad(place, g.incoming().view(shapes.out), qkv.view(shapes.qkv), out, lse, how);
    g.give(0, dqkv);
  });
  return y;
}

Tensor rotate(Context& cx, const Tensor& x, const RotaryOptions& options) {
  if (options.heads < 1 || options.rotated < 0 || options.rotated > options.heads)
    fail("rotate", "expected some of the heads, found", options.rotated, "of", options.heads);
  if (x.shape().dims() != 3 || x.size(2) % (2 * options.heads) != 0)
    fail("rotate", "expected x (B, T, ", options.heads, "x an even head width), found", x.shape());
  if (!(options.base >= 1.0f) || options.position < 0)
    fail("rotate", "expected a base of at least 1 and a position of at least 0, found", options.base, "and",
         options.position);
  const Shape heads{x.size(0), x.size(1), options.heads, x.size(2) / options.heads};
  Rotation how{.heads = options.rotated, .base = options.base, .first = options.position};
  const bool in_place = !x.mark.leaf && x.storage().use_count() == 1;
  Tensor y = in_place ? x.detached() : empty_like(x);
  Tensor place = y.view(heads);
  cx.kernels.rotate(place, x.view(heads), how);
  how.inverse = true;
  record(cx, "rotate", {&x}, {&y}, [how, heads](Gradients& g) {
    Tensor dx = g.incoming_is_mine() ? g.incoming() : empty_like(g.incoming());
    Tensor destination = dx.view(heads);
    g.kernels().rotate(destination, g.incoming().view(heads), how);
    g.give(0, dx);
  });
  return y;
}

Tensor attention_cached(Context& cx, const Tensor& qkv, Tensor& cache, std::int64_t position,
                        const AttentionOptions& options) {
  const Packed shapes = unpack("attention_cached", qkv, options);
  const Shape expected{qkv.size(0), cache.size(1), 2 * options.kv_heads, shapes.head_width};
  if (cache.shape() != expected || position < 0 || position + qkv.size(1) > cache.size(1))
    fail("attention_cached", "expected a cache of shape", expected, "with room for", qkv.size(1), "tokens at", position,
         "found", cache.shape());
  require(!cx.tape, "attention_cached", "expected a pass without gradients");
  Tensor out = empty(cx.device, shapes.out, qkv.dtype());
  cx.kernels.attention_cached(out, cache, qkv.view(shapes.qkv), position, arguments(options, shapes.head_width));
  return out.view({qkv.size(0), qkv.size(1), options.heads * shapes.head_width});
}

}  // namespace trireme::ops
