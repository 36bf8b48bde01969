#include "runtime/kernels/cuda/dnn/attention.h"

namespace trireme::cuda::dnn {
namespace {

using Sizes = std::vector<std::int64_t>;

// One graph under construction: the tensors in memory, and the steps that both directions share.
class Builder {
 public:
  explicit Builder(const AttentionShape& shape) : z_(shape), type_(data_type(shape.dtype)) {}

  // Vectors of `heads` heads inside rows of `slots` heads, as (B, heads, T, D).
  Layout heads_of(std::int64_t heads, std::int64_t slots) const {
    return {{z_.batch, heads, z_.length, z_.width}, {z_.length * slots * z_.width, z_.width, slots * z_.width, 1}};
  }
  Layout queries() const { return heads_of(z_.heads, z_.slots); }
  Layout keys() const { return heads_of(z_.kv_heads, z_.slots); }
  Layout outputs() const { return heads_of(z_.heads, z_.out_heads); }
  Layout scores() const { return packed({z_.batch, z_.heads, z_.length, z_.length}); }
  Layout scores_transposed() const { return swapped(scores(), 2, 3); }
  Layout rows() const {  // one number per query, in memory
    return {{z_.batch, z_.heads, z_.length, 1}, {z_.out_heads * z_.length, z_.length, 1, 1}};
  }
  Layout inner_rows() const { return packed({z_.batch, z_.heads, z_.length, 1}); }

  Node memory(AttentionName name, const Layout& layout) { return memory(name, layout, type_); }
  Node memory(AttentionName name, const Layout& layout, cudnnDataType_t type) {
    return graph_.tensor(static_cast<std::int64_t>(name), layout, type);
  }
  Node number(AttentionName name) { return graph_.scalar(static_cast<std::int64_t>(name), 4); }
  Node between(const Layout& layout) { return graph_.between(layout); }
  Node rounded(const Layout& layout) { return graph_.between(layout, type_); }

  Node apply(cudnnPointwiseMode_t mode, Node x, Node b, const Layout& layout) {
    const Node y = graph_.between(layout);
    graph_.pointwise(y, {.mode = mode, .x = x, .b = b});
    return y;
  }
  Node apply(cudnnPointwiseMode_t mode, Node x, const Layout& layout) {
    const Node y = graph_.between(layout);
    graph_.pointwise(y, {.mode = mode, .x = x});
    return y;
  }
  Node product(Node a, Node b, const Layout& layout) {
    const Node c = graph_.between(layout);
    graph_.matmul(c, a, b);
    return c;
  }
  // Scores with those that a query may not see at minus infinity.
  Node masked(Node scores_node) {
    if (!z_.causal) return scores_node;
    const Node row = index(scores_node, 2), column = index(scores_node, 3);
    const Node sees = graph_.between(scores(), CUDNN_DATA_BOOLEAN);
    graph_.pointwise(sees, {.mode = CUDNN_POINTWISE_CMP_GE, .x = row, .b = column, .math = CUDNN_DATA_BOOLEAN});
    const Node y = graph_.between(scores());
    graph_.pointwise(y, {.mode = CUDNN_POINTWISE_BINARY_SELECT,
                         .x = scores_node,
                         .b = number(AttentionName::minus_infinity),
                         .selector = sees});
    return y;
  }
  // The gradient of keys or values, `scores` transposed times `x`: with several query heads to a key head, their sum.
  void key_gradient(AttentionName name, Node scores_node, Node x) {
    const Node turned = rounded(scores_transposed());
    graph_.reshape(turned, scores_node);
    const Node gradient = memory(name, keys());
    if (z_.heads == z_.kv_heads) return graph_.matmul(gradient, turned, x);
    const Node of_each_query = rounded(packed({z_.batch, z_.heads, z_.length, z_.width}));
    graph_.matmul(of_each_query, turned, x);
    graph_.reduce(gradient, of_each_query, CUDNN_REDUCE_TENSOR_ADD);
  }

  Graph& graph() { return graph_; }
  Graph finish() { return std::move(graph_); }

 private:
  Node index(Node like, std::int64_t axis) {
    const Node y = graph_.between(scores(), CUDNN_DATA_INT32);
    graph_.pointwise(y, {.mode = CUDNN_POINTWISE_GEN_INDEX, .x = like, .math = CUDNN_DATA_INT32, .axis = axis});
    return y;
  }

  AttentionShape z_;
  cudnnDataType_t type_;
  Graph graph_;
};

// The largest divisor of `count` that `fits`, or 1.
template <class Fits>
std::int64_t largest_part(std::int64_t count, Fits&& fits) {
  for (std::int64_t parts = 1; parts < count; ++parts)
    if (count % parts == 0 && fits(count / parts)) return count / parts;
  return 1;
}

}  // namespace

Graph attention_forward(const AttentionShape& shape) {
  Builder of(shape);
  const Node query = of.memory(AttentionName::query, of.queries());
  const Node key = of.memory(AttentionName::key, swapped(of.keys(), 2, 3));
  const Node value = of.memory(AttentionName::value, of.keys());
  const Layout square = of.scores(), row = of.inner_rows();

  const Node raw = of.product(query, key, square);
  const Node scores = of.masked(of.apply(CUDNN_POINTWISE_MUL, raw, of.number(AttentionName::scale), square));
  const Node largest = of.between(row), total = of.between(row);
  of.graph().reduce(largest, scores, CUDNN_REDUCE_TENSOR_MAX);
  const Node powers = of.apply(CUDNN_POINTWISE_EXP, of.apply(CUDNN_POINTWISE_SUB, scores, largest, square), square);
  of.graph().reduce(total, powers, CUDNN_REDUCE_TENSOR_ADD);
  const Node lse = of.memory(AttentionName::lse, of.rows(), CUDNN_DATA_FLOAT);
  of.graph().pointwise(lse,
                       {.mode = CUDNN_POINTWISE_ADD, .x = largest, .b = of.apply(CUDNN_POINTWISE_LOG, total, row)});
  const Node probabilities = of.rounded(square);
  of.graph().pointwise(probabilities, {.mode = CUDNN_POINTWISE_DIV, .x = powers, .b = total});
  of.graph().matmul(of.memory(AttentionName::out, of.outputs()), probabilities, value);
  return of.finish();
}

// With P the probabilities and delta_i = sum_d do_id o_id, as in Dao et al. 2022 (FlashAttention), appendix B.4:
//   dv = P^T do, dS = P (do v^T - delta) scale, dk = dS^T q, dq = dS k.
Graph attention_backward(const AttentionShape& shape) {
  Builder of(shape);
  const Node query = of.memory(AttentionName::query, of.queries());
  const Node key = of.memory(AttentionName::key, swapped(of.keys(), 2, 3));
  const Node value = of.memory(AttentionName::value, swapped(of.keys(), 2, 3));
  const Node out = of.memory(AttentionName::out, of.outputs());
  const Node dout = of.memory(AttentionName::dout, of.outputs());
  const Node lse = of.memory(AttentionName::lse, of.rows(), CUDNN_DATA_FLOAT);
  const Node scale = of.number(AttentionName::scale);
  const Layout square = of.scores(), row = of.inner_rows();

  const Node products =
      of.apply(CUDNN_POINTWISE_MUL, dout, out, packed({shape.batch, shape.heads, shape.length, shape.width}));
  const Node sums = of.between(row);
  of.graph().reduce(sums, products, CUDNN_REDUCE_TENSOR_ADD);
  const Node delta = of.memory(AttentionName::delta, row, CUDNN_DATA_FLOAT);
  of.graph().pointwise(delta, {.mode = CUDNN_POINTWISE_MUL, .x = sums, .b = of.number(AttentionName::one)});

  const Node scores = of.apply(CUDNN_POINTWISE_MUL, of.product(query, key, square), scale, square);
  const Node shifted = of.masked(of.apply(CUDNN_POINTWISE_SUB, scores, lse, square));
  const Node probabilities = of.apply(CUDNN_POINTWISE_EXP, shifted, square);
  of.key_gradient(AttentionName::dvalue, probabilities, dout);

  const Node centred = of.apply(CUDNN_POINTWISE_SUB, of.product(dout, value, square), delta, square);
  const Node slope = of.apply(CUDNN_POINTWISE_MUL, centred, probabilities, square);
  const Node dscores = of.apply(CUDNN_POINTWISE_MUL, slope, scale, square);
  of.key_gradient(AttentionName::dkey, dscores, query);

  const Node upright = of.between(of.keys());
  of.graph().reshape(upright, key);
  of.graph().matmul(of.memory(AttentionName::dquery, of.queries()), dscores, upright);
  return of.finish();
}

std::int64_t backward_workspace(const AttentionShape& shape) {
  const auto padded = [](std::int64_t count, std::int64_t to) { return (count + to - 1) / to * to; };
  const std::int64_t scores = padded(shape.length, 64) * padded(shape.length, 128);
  const std::int64_t gradients = shape.heads == shape.kv_heads ? 0 : 2 * padded(shape.length, 128) * shape.width;
  return shape.batch * shape.heads * (scores + gradients) * size_of(shape.dtype);
}

AttentionShape backward_slice(AttentionShape shape, std::int64_t bytes) {
  const std::int64_t group = shape.heads / shape.kv_heads;
  shape.batch = largest_part(shape.batch, [&, part = shape](std::int64_t batch) mutable {
    part.batch = batch;
    return backward_workspace(part) <= bytes;
  });
  if (shape.batch > 1 || backward_workspace(shape) <= bytes) return shape;
  shape.kv_heads = largest_part(shape.kv_heads, [&, part = shape](std::int64_t kv_heads) mutable {
    part.kv_heads = kv_heads;
    part.heads = kv_heads * group;
    return backward_workspace(part) <= bytes;
  });
  shape.heads = shape.kv_heads * group;
  return shape;
}

}  // namespace trireme::cuda::dnn
