// One unit of a recurrent cell: a step, and its way back, over any number type (numbers.h). The equations are those of
// recurrent_kernels.h.
#pragma once

#include "runtime/kernels/formulas/activations.h"
#include "runtime/kernels/formulas/numbers.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::formulas {

template <Cell kind, class N>
struct CellStep {
  N gates[gates_of(kind)];
  N cell;   // c of an LSTM, u of a GRU's n; otherwise without meaning
  N state;  // h
};

// a and u hold one number for each gate; h, and the LSTM's c, are those before the step.
template <Cell kind, class N>
[[gnu::always_inline]] constexpr CellStep<kind, N> cell_step(const N* a, const N* u, N h, N c) {
  CellStep<kind, N> to;
  if constexpr (kind == Cell::rnn_tanh || kind == Cell::rnn_relu) {
    constexpr Activation activation = kind == Cell::rnn_tanh ? Activation::tanh : Activation::relu;
    to.state = activated<activation>(a[0] + u[0]);
    to.gates[0] = to.state;
    to.cell = to.state;
  }
  if constexpr (kind == Cell::lstm) {
    to.gates[0] = logistic(a[0] + u[0]);
    to.gates[1] = logistic(a[1] + u[1]);
    to.gates[2] = hyperbolic_tangent(a[2] + u[2]);
    to.gates[3] = logistic(a[3] + u[3]);
    to.cell = to.gates[1] * c + to.gates[0] * to.gates[2];
    to.state = to.gates[3] * hyperbolic_tangent(to.cell);
  }
  if constexpr (kind == Cell::gru) {
    to.gates[0] = logistic(a[0] + u[0]);
    to.gates[1] = logistic(a[1] + u[1]);
    to.cell = u[2];
    to.gates[2] = hyperbolic_tangent(a[2] + to.gates[0] * u[2]);
    to.state = to.gates[2] + to.gates[1] * (h - to.gates[2]);
  }
  return to;
}

template <Cell kind, class N>
struct CellGradient {
  N gates[gates_of(kind)];  // of a
  N last_sum;               // of the last gate's u; those of the other gates are those of a
  N state, cell;            // of h and c before the step, but for what reaches h through u
};

// What a step kept: the values of the gates, its cell, h before it, c before it. dh and dc: of what it gave.
template <Cell kind, class N>
[[gnu::always_inline]] constexpr CellGradient<kind, N> cell_gradient(const N* gates, N kept, N h, N c, N dh, N dc) {
  CellGradient<kind, N> to;
  const N none = like(dh, 0.0f);
  if constexpr (kind == Cell::rnn_tanh || kind == Cell::rnn_relu) {
    to.gates[0] = kind == Cell::rnn_tanh ? dh * (1.0f - gates[0] * gates[0]) : if_greater(gates[0], none, dh, none);
    to.last_sum = to.gates[0];
    to.state = none;
    to.cell = none;
  }
  if constexpr (kind == Cell::lstm) {
    const N i = gates[0], f = gates[1], g = gates[2], o = gates[3], t = hyperbolic_tangent(kept);
    const N dcell = dc + dh * o * (1.0f - t * t);
    to.gates[0] = dcell * g * (i * (1.0f - i));
    to.gates[1] = dcell * c * (f * (1.0f - f));
    to.gates[2] = dcell * i * (1.0f - g * g);
    to.gates[3] = dh * t * (o * (1.0f - o));
    to.last_sum = to.gates[3];
    to.state = none;
    to.cell = dcell * f;
  }
  if constexpr (kind == Cell::gru) {
    const N r = gates[0], z = gates[1], n = gates[2];
    to.gates[2] = dh * (1.0f - z) * (1.0f - n * n);
    to.gates[1] = dh * (h - n) * (z * (1.0f - z));
    to.gates[0] = to.gates[2] * kept * (r * (1.0f - r));
    to.last_sum = to.gates[2] * r;
    to.state = dh * z;
    to.cell = none;
  }
  return to;
}

// Calls visit with the cell as a compile-time constant: visit(CellKind<cell>{}).
template <Cell kind>
struct CellKind {
  static constexpr Cell value = kind;
};
template <class Visit>
[[gnu::always_inline]] constexpr void with_cell(Cell cell, Visit&& visit) {
  switch (cell) {
    case Cell::rnn_tanh: return visit(CellKind<Cell::rnn_tanh>{});
    case Cell::rnn_relu: return visit(CellKind<Cell::rnn_relu>{});
    case Cell::lstm: return visit(CellKind<Cell::lstm>{});
    case Cell::gru: return visit(CellKind<Cell::gru>{});
  }
}

}  // namespace trireme::formulas
