// Rows of a table by number.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

// y = table[ids] (+ positions[first_position + t]): ids (B, T) i32, table (V, C), positions (P, C) with
// P >= first_position + T, or undefined; y (B, T, C). Ids must be in [0, V): `data` has checked them.
Tensor embedding(Context& cx, const Tensor& ids, const Tensor& table, const Tensor& positions = {},
                 std::int64_t first_position = 0);

}  // namespace trireme::ops
