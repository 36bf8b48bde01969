// A block of units of a recurrent layer at one step: the product with the state, whose sums stay in the first cache,
// and from them the cells.
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/cpu/level/tile.h"
#include "runtime/kernels/formulas/cells.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

constexpr std::int64_t block = recurrent_block, panel = tile_vectors * native_lanes;
static_assert(block % panel == 0 && block % lanes == 0);

// The tile of so many rows, at least 1.
template <int rows = tile_rows>
ProductTile tile_of(std::int64_t wanted) {
  if constexpr (rows > 1)
    if (wanted < rows) return tile_of<rows - 1>(wanted);
  return product_tile<rows, tile_vectors>;
}

struct Rows {
  const float* data;  // (rows, depth) with a stride
  std::int64_t stride, count, depth;
};

// c (rows, block) = left (rows, depth) by the panels of `columns` columns. The rows are shared out evenly among tiles:
// they are few, and a tile of one would spend its time on loading.
void multiply_block(float* c, const Rows& left, const float* panels, std::int64_t columns) {
  constexpr std::int64_t thickness = 512;  // with it, a tile's rows stay in the first cache and a panel in the second
  const std::int64_t tiles = (left.count + tile_rows - 1) / tile_rows;
  for (std::int64_t k = 0; k < left.depth; k += thickness)
    for (std::int64_t column = 0; column < columns; column += panel)
      for (std::int64_t tile = 0, row = 0; tile < tiles; ++tile) {
        const std::int64_t rest = tiles - tile, height = (left.count - row + rest - 1) / rest;
        tile_of(height)({.a = left.data + row * left.stride + k,
                         .a_row = left.stride,
                         .a_step = 1,
                         .b = panels + column * left.depth + k * panel,
                         .b_row = panel,
                         .c = c + row * block + column,
                         .c_row = block,
                         .rows = height,
                         .columns = panel,
                         .depth = left.depth - k < thickness ? left.depth - k : thickness,
                         .add = k > 0},
                        0, 0);
        row += height;
      }
}

// Part of a row as fp32: itself, or a copy.
float* wide_part(Array x, std::int64_t at, std::int64_t count, float* copy) {
  if (x.dtype == DType::f32) return static_cast<float*>(x.data) + at;
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(x.data) + at;
    for_lanes(count, [=](std::int64_t i, auto n) { store<F32>(copy + i, load<S>(from + i, n), n); });
  });
  return copy;
}

// Where such a part is to be written, and what must follow once it is.
float* place_of(Array x, std::int64_t at, float* copy) {
  return x.dtype == DType::f32 ? static_cast<float*>(x.data) + at : copy;
}
void round_part(Array x, std::int64_t at, std::int64_t count, const float* copy) {
  if (x.dtype == DType::f32) return;
  with_storage(x.dtype, [&]<class S>(S) {
    auto* to = static_cast<typename S::Element*>(x.data) + at;
    for_lanes(count, [=](std::int64_t i, auto n) { store<S>(to + i, load<F32>(copy + i, n), n); });
  });
}

bool over(const RecurrentStep& s, std::int64_t row) {
  return s.lengths && s.time >= s.lengths[row];
}

template <class Count>
[[gnu::always_inline]] inline Floats load_or_zeros(const float* p, std::int64_t at, Count n) {
  return p ? load<F32>(p + at, n) : zeros();
}

// The state of a row stays.
void keep(const RecurrentStep& s, std::int64_t at, std::int64_t count, float* y) {
  for_lanes(count, [&](std::int64_t i, auto n) {
    store<F32>(y + i, load_or_zeros(s.state, at + i, n), n);
    if (s.cells) store<F32>(s.cells + at + i, load_or_zeros(s.cell_before, at + i, n), n);
  });
}

// The numbers of a row's gates, gate by gate.
struct GateParts {
  float* part[4];
  float copies[4][block];
};

template <Cell cell>
void step_row(const RecurrentStep& s, std::int64_t row, std::int64_t first, std::int64_t count, float* y) {
  constexpr std::int64_t gates = gates_of(cell);
  const std::int64_t at = row * s.units + first, gates_at = row * gates * s.units + first;
  GateParts values;
  for (std::int64_t g = 0; g < gates; ++g)
    values.part[g] = wide_part(s.gates, gates_at + g * s.units, count, values.copies[g]);
  for_lanes(count, [&](std::int64_t i, auto n) {
    Floats a[gates], u[gates];
    for (std::int64_t g = 0; g < gates; ++g) {
      const std::int64_t vector = g * s.units + first + i;
      a[g] = load<F32>(values.part[g] + i, n) + load<F32>(s.input_bias + vector, n);
      u[g] = load<F32>(s.product + (g * s.rows + row) * block + i, n) + load<F32>(s.bias + vector, n);
    }
    const auto to =
        formulas::cell_step<cell>(a, u, load_or_zeros(s.state, at + i, n), load_or_zeros(s.cell_before, at + i, n));
    for (std::int64_t g = 0; g < gates; ++g) store<F32>(values.part[g] + i, to.gates[g], n);
    if (cell == Cell::lstm || cell == Cell::gru) store<F32>(s.cells + at + i, to.cell, n);
    store<F32>(y + i, to.state, n);
  });
  for (std::int64_t g = 0; g < gates; ++g) round_part(s.gates, gates_at + g * s.units, count, values.part[g]);
}

// A gradient of u is written where it is asked for, and where the step before it looks for it.
void put_sums(const RecurrentStep& s, std::int64_t at, std::int64_t count, const float* from) {
  if (s.wide) for_lanes(count, [&](std::int64_t i, auto n) { store<F32>(s.wide + at + i, load<F32>(from + i, n), n); });
  if (!s.sums.data) return;
  round_part(s.sums, at, count, from);
  if (s.sums.dtype == DType::f32)
    for_lanes(count, [&](std::int64_t i, auto n) {
      store<F32>(static_cast<float*>(s.sums.data) + at + i, load<F32>(from + i, n), n);
    });
}

template <Cell cell>
void step_row_grad(const RecurrentStep& s, std::int64_t row, std::int64_t first, std::int64_t count) {
  constexpr std::int64_t gates = gates_of(cell);
  const std::int64_t at = row * s.units + first, gates_at = row * gates * s.units + first;
  const bool stays = over(s, row);
  GateParts values;
  float dy_copy[block], last_sum[block];
  for (std::int64_t g = 0; g < gates; ++g)
    values.part[g] = wide_part(s.gates, gates_at + g * s.units, count, values.copies[g]);
  const float* dy = s.dy.data ? wide_part(s.dy, at, count, dy_copy) : nullptr;
  for_lanes(count, [&](std::int64_t i, auto n) {
    Floats dh = load<F32>(s.dstate + at + i, n) + load_or_zeros(dy, i, n);
    if (s.sums_behind) dh += load<F32>(s.product + row * block + i, n);
    if (stays) {
      for (std::int64_t g = 0; g < gates; ++g) store<F32>(values.part[g] + i, zeros(), n);
      store<F32>(last_sum + i, zeros(), n);
      store<F32>(s.dstate + at + i, dh, n);
      return;
    }
    Floats v[gates];
    for (std::int64_t g = 0; g < gates; ++g) v[g] = load<F32>(values.part[g] + i, n);
    const auto to =
        formulas::cell_gradient<cell>(v, load_or_zeros(s.cells, at + i, n), load_or_zeros(s.state, at + i, n),
                                      load_or_zeros(s.cell_before, at + i, n), dh, load_or_zeros(s.dcell, at + i, n));
    for (std::int64_t g = 0; g < gates; ++g) store<F32>(values.part[g] + i, to.gates[g], n);
    store<F32>(last_sum + i, to.last_sum, n);
    store<F32>(s.dstate + at + i, to.state, n);
    if (cell == Cell::lstm) store<F32>(s.dcell + at + i, to.cell, n);
  });
  for (std::int64_t g = 0; g < gates; ++g) {
    const float* u = g + 1 == gates ? last_sum : values.part[g];
    put_sums(s, gates_at + g * s.units, count, u);
    round_part(s.gates, gates_at + g * s.units, count, values.part[g]);
  }
}

std::int64_t count_from(const RecurrentStep& s, std::int64_t first) {
  return s.units - first < block ? s.units - first : block;
}

}  // namespace

void recurrent_step(const RecurrentStep& s, std::int64_t first) {
  const std::int64_t count = count_from(s, first), gates = gates_of(s.cell);
  for (std::int64_t g = 0; g < gates; ++g) {
    float* product = s.product + g * s.rows * block;
    if (s.state)
      multiply_block(product, {.data = s.state, .stride = s.units, .count = s.rows, .depth = s.units},
                     s.weights + g * s.gate_stride + first * s.units, count);
    else
      for_lanes(s.rows * block, [=](std::int64_t i, auto n) { store<F32>(product + i, zeros(), n); });
  }
  float copy[block];
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const std::int64_t at = row * s.units + first;
    float* y = place_of(s.y, at, copy);
    if (over(s, row))
      keep(s, at, count, y);
    else
      formulas::with_cell(s.cell, [&]<class C>(C) { step_row<C::value>(s, row, first, count, y); });
    round_part(s.y, at, count, y);
    if (!s.next_state) continue;
    const float* rounded = wide_part(s.y, at, count, copy);
    for_lanes(count, [&](std::int64_t i, auto n) { store<F32>(s.next_state + at + i, load<F32>(rounded + i, n), n); });
  }
}

void recurrent_step_grad(const RecurrentStep& s, std::int64_t first) {
  const std::int64_t count = count_from(s, first), width = gates_of(s.cell) * s.units;
  if (s.sums_behind)
    multiply_block(s.product, {.data = s.sums_behind, .stride = width, .count = s.rows, .depth = width},
                   s.weights + first * width, count);
  for (std::int64_t row = 0; row < s.rows; ++row)
    formulas::with_cell(s.cell, [&]<class C>(C) { step_row_grad<C::value>(s, row, first, count); });
}

void recurrent_begin_grad(const RecurrentStep& s, std::int64_t first) {
  const std::int64_t count = count_from(s, first), width = gates_of(s.cell) * s.units;
  multiply_block(s.product, {.data = s.sums_behind, .stride = width, .count = s.rows, .depth = width},
                 s.weights + first * width, count);
  for (std::int64_t row = 0; row < s.rows; ++row)
    for_lanes(count, [&](std::int64_t i, auto n) {
      float* to = s.dstate + row * s.units + first + i;
      store<F32>(to, load<F32>(to, n) + load<F32>(s.product + row * block + i, n), n);
    });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
