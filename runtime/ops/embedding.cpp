#include "runtime/ops/embedding.h"

#include <algorithm>
#include <vector>

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

// Rows of a tensor that have consecutive positions; whole sequences that follow each other are one range.
struct PositionRange {
  std::int64_t begin = 0, end = 0;
  std::int64_t position = 0;   // of the first; a range of several sequences begins with one
  std::int64_t positions = 0;  // different ones
};

std::vector<PositionRange> ranges_of(const PositionRows& rows, std::int64_t count) {
  std::vector<PositionRange> ranges;
  for (std::int64_t begin = 0; begin < count;) {
    const std::int64_t inside = (rows.row + begin) % rows.sequence, whole = (count - begin) / rows.sequence;
    const std::int64_t length =
        inside == 0 && whole > 0 ? whole * rows.sequence : std::min(rows.sequence - inside, count - begin);
    ranges.push_back({begin, begin + length, rows.first + inside, std::min(length, rows.sequence - inside)});
    begin += length;
  }
  return ranges;
}

}  // namespace

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

Tensor embedding_part(Context& cx, const Tensor& ids, const Tensor& table, std::int64_t first) {
  expect_dtype("embedding_part", ids, DType::i32);
  if (ids.shape().dims() != 2 || table.shape().dims() != 2)
    fail("embedding_part", "expected ids (B, T) and a part of a table (V, C), found", ids.shape(), "and",
         table.shape());
  const std::int64_t width = table.size(1), rows = ids.numel();
  Tensor y = empty(cx.device, {ids.size(0), ids.size(1), width}, table.dtype());
  {
    Tensor flat = y.view({rows, width});
    cx.kernels.embedding_part(flat, ids.view({rows}), table, first);
  }
  record(cx, "embedding_part", {&table}, {&y}, [ids, shape = table.shape(), first, rows, width](Gradients& g) {
    auto dtable = g.destination(0, shape);
    g.kernels().embedding_part_grad(dtable.gradient, g.incoming().view({rows, width}), ids.view({rows}), first,
                                    dtable.accumulate);
    g.written(0, dtable.gradient);
  });
  return y;
}

Tensor add_positions(Context& cx, const Tensor& x, const Tensor& positions, const PositionRows& rows) {
  same_dtype("add_positions", x, positions);
  const Shape matrix = as_matrix(x.shape());
  if (positions.shape().dims() != 2 || positions.size(1) != matrix[1] || positions.size(0) < rows.first + rows.sequence)
    fail("add_positions", "expected positions for", rows.first + rows.sequence, "tokens of width", matrix[1], "found",
         positions.shape());
  const std::vector<PositionRange> ranges = ranges_of(rows, matrix[0]);
  Tensor y = empty_like(x);
  const Tensor from = x.view(matrix), to = y.view(matrix);
  for (const PositionRange& range : ranges) {
    Tensor place = to.rows(range.begin, range.end);
    cx.kernels.binary(place, from.rows(range.begin, range.end),
                      positions.rows(range.position, range.position + range.positions), Binary::add);
  }
  record(cx, "add_positions", {&x, &positions}, {&y}, [ranges, matrix, shape = positions.shape()](Gradients& g) {
    const Tensor dy = g.incoming();
    if (g.wants(0)) g.give(0, dy);
    if (!g.wants(1)) return;
    auto place = g.destination(1, shape);
    if (!place.accumulate) g.kernels().fill(place.gradient, 0.0f);
    const Tensor flat = dy.view(matrix);
    for (const PositionRange& range : ranges) {
      const std::int64_t columns = range.positions * matrix[1], times = (range.end - range.begin) / range.positions;
      Tensor sums = place.gradient.rows(range.position, range.position + range.positions).view({columns});
      g.kernels().column_sum(sums, flat.rows(range.begin, range.end).view({times, columns}), true);
    }
    g.written(1, place.gradient);
  });
  return y;
}

}  // namespace trireme::ops
