// Rows of a table by number.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

// y = table[ids] (+ positions[first_position + t]): ids (B, T) i32, table (V, C), positions (P, C) with
// P >= first_position + T, or undefined; y (B, T, C). Ids must be in [0, V): `data` has checked them.
Tensor embedding(Context& cx, const Tensor& ids, const Tensor& table, const Tensor& positions = {},
                 std::int64_t first_position = 0);

// The same from a part of a table, its rows first, first + 1, ...: zeros for ids whose rows lie elsewhere.
Tensor embedding_part(Context& cx, const Tensor& ids, const Tensor& table, std::int64_t first);

// Which rows of a batch of sequences a tensor holds, and which position the sequences begin at.
struct PositionRows {
  std::int64_t first = 0;     // position of a sequence's first row
  std::int64_t sequence = 1;  // rows of a sequence
  std::int64_t row = 0;       // of the batch: the tensor's first row
};
// y = x + positions[first + (row + r) mod sequence] in row r: x (..., C), positions (P, C), P >= first + sequence.
Tensor add_positions(Context& cx, const Tensor& x, const Tensor& positions, const PositionRows& rows);

}  // namespace trireme::ops
