#include "runtime/ops/embedding.h"

#include "runtime/ops/shapes.h"

namespace trireme::ops {

Tensor embedding(Context& cx, const Tensor& ids, const Tensor& table, const Tensor& positions,
                 std::int64_t first_position) {
  expect_dtype("embedding", ids, DType::i32);
  if (ids.shape().dims() != 2 || table.shape().dims() != 2)
    fail("embedding", "expected ids (B, T) and a table (V, C), found", ids.shape(), "and", table.shape());
  const std::int64_t sequence = ids.size(1), width = table.size(1), rows = ids.numel();
  if (positions) {
    same_dtype("embedding", table, positions);
    if (positions.shape().dims() != 2 || positions.size(1) != width || positions.size(0) < first_position + sequence)
      fail("embedding", "expected positions for", first_position + sequence, "tokens of width", width, "found",
           positions.shape());
  }
  // The kernel repeats what it is given over the batch, so it gets exactly the rows of this sequence.
  const Tensor window = positions ? positions.rows(first_position, first_position + sequence) : Tensor{};
  Tensor y = empty(cx.device, {ids.size(0), sequence, width}, table.dtype());
  {
    Tensor flat = y.view({rows, width});
    cx.kernels.embedding(flat, ids.view({rows}), table, positions ? &window : nullptr, 0);
  }
  record(cx, "embedding", {&table, &positions}, {&y},
         [ids, table_shape = table.shape(), position_shape = positions ? positions.shape() : Shape{}, first_position,
          rows, width, sequence](Gradients& g) {
           const Tensor dy = g.incoming().view({rows, width});
           auto dtable = g.destination(0, table_shape);
           if (!g.wants(1)) {
             g.kernels().embedding_grad(dtable.gradient, nullptr, dy, ids.view({rows}), dtable.accumulate, false);
             g.written(0, dtable.gradient);
             return;
           }
           auto dpositions = g.destination(1, position_shape);
           const bool whole = first_position == 0 && sequence == position_shape[0];
           if (!whole && !dpositions.accumulate) g.kernels().fill(dpositions.gradient, 0.0f);  // rows not reached
           Tensor reached = dpositions.gradient.rows(first_position, first_position + sequence);
           g.kernels().embedding_grad(dtable.gradient, &reached, dy, ids.view({rows}), dtable.accumulate,
                                      dpositions.accumulate || !whole);
           g.written(0, dtable.gradient);
           g.written(1, dpositions.gradient);
         });
  return y;
}

}  // namespace trireme::ops
