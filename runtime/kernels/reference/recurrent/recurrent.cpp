#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/kernels/reference/recurrent/recurrent_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

using Index = std::size_t;

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

// All of a pass in double.
struct Pass {
  Pass(const Tensor& y, const Recurrence& recurrence)
      : how(recurrence),
        steps(static_cast<Index>(y.size(0))),
        rows(static_cast<Index>(y.size(1))),
        units(static_cast<Index>(y.size(2))),
        gates(static_cast<Index>(gates_of(how.cell))),
        weight(load(*how.weight)),
        input_bias(how.input_bias ? load(*how.input_bias) : Values(gates * units)),
        bias(how.bias ? load(*how.bias) : Values(gates * units)),
        state(how.state ? load(*how.state) : Values(rows * units)),
        cell(how.cell_state ? load(*how.cell_state) : Values(rows * units)) {
    if (how.lengths) lengths = load_ids(*how.lengths, y.size(0) + 1);
  }

  // The step that comes at place `i`, and whether a sequence has it.
  Index step(Index i) const { return how.reverse ? steps - 1 - i : i; }
  bool runs(Index row, Index t) const { return lengths.empty() || t < static_cast<Index>(lengths[row]); }
  // u of a gate, from the state of a row.
  double sum(Index gate, Index unit, const double* row_state) const {
    double total = bias[gate * units + unit];
    for (Index k = 0; k < units; ++k) total += weight[(gate * units + unit) * units + k] * row_state[k];
    return total;
  }

  const Recurrence& how;
  Index steps, rows, units, gates;
  Values weight, input_bias, bias, state, cell;
  std::vector<std::int32_t> lengths;
};

// What a unit's gates become, its cell and its state; a and u are by gate.
struct Unit {
  double gates[4], cell, state;
};

Unit stepped(Cell cell, const double* a, const double* u, double h, double c) {
  switch (cell) {
    case Cell::rnn_tanh: {
      const double state = std::tanh(a[0] + u[0]);
      return {{state}, 0, state};
    }
    case Cell::rnn_relu: {
      const double state = std::max(0.0, a[0] + u[0]);
      return {{state}, 0, state};
    }
    case Cell::lstm: {
      const double i = logistic(a[0] + u[0]), f = logistic(a[1] + u[1]), g = std::tanh(a[2] + u[2]),
                   o = logistic(a[3] + u[3]);
      const double after = f * c + i * g;
      return {{i, f, g, o}, after, o * std::tanh(after)};
    }
    case Cell::gru: {
      const double r = logistic(a[0] + u[0]), z = logistic(a[1] + u[1]), n = std::tanh(a[2] + r * u[2]);
      return {{r, z, n}, u[2], (1 - z) * n + z * h};
    }
  }
  fail("recurrent", "expected a cell, found number", static_cast<int>(cell));
}

// Gradients of a and of u by gate, and of h and c before the step but for what goes through u.
struct UnitGradient {
  double a[4], u[4], state, cell;
};

UnitGradient gradient(Cell cell, const double* gates, double kept, double h, double c, double dh, double dc) {
  switch (cell) {
    case Cell::rnn_tanh: {
      const double d = dh * (1 - gates[0] * gates[0]);
      return {{d}, {d}, 0, 0};
    }
    case Cell::rnn_relu: {
      const double d = gates[0] > 0 ? dh : 0;
      return {{d}, {d}, 0, 0};
    }
    case Cell::lstm: {
      const double i = gates[0], f = gates[1], g = gates[2], o = gates[3], t = std::tanh(kept);
      const double all = dc + dh * o * (1 - t * t);
      const double di = all * g * i * (1 - i), df = all * c * f * (1 - f), dg = all * i * (1 - g * g),
                   dout = dh * t * o * (1 - o);
      return {{di, df, dg, dout}, {di, df, dg, dout}, 0, all * f};
    }
    case Cell::gru: {
      const double r = gates[0], z = gates[1], n = gates[2];
      const double dn = dh * (1 - z) * (1 - n * n), dz = dh * (h - n) * z * (1 - z), dr = dn * kept * r * (1 - r);
      return {{dr, dz, dn}, {dr, dz, dn * r}, dh * z, 0};
    }
  }
  fail("recurrent", "expected a cell, found number", static_cast<int>(cell));
}

}  // namespace

void ReferenceRecurrent::run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) {
  Pass pass(y, how);
  const Index rows = pass.rows, units = pass.units, count = pass.gates;
  Values states(pass.steps * rows * units), kept(states.size()), values = load(gates);
  for (Index place = 0; place < pass.steps; ++place) {
    const Index t = pass.step(place);
    const Values before = pass.state;
    for (Index row = 0; row < rows; ++row)
      for (Index unit = 0; unit < units; ++unit) {
        const Index here = row * units + unit, at = (t * rows + row) * units + unit;
        if (pass.runs(row, t)) {
          double a[4], u[4];
          for (Index g = 0; g < count; ++g) {
            a[g] = values[((t * rows + row) * count + g) * units + unit] + pass.input_bias[g * units + unit];
            u[g] = pass.sum(g, unit, before.data() + row * units);
          }
          const Unit after = stepped(how.cell, a, u, before[here], pass.cell[here]);
          for (Index g = 0; g < count; ++g) values[((t * rows + row) * count + g) * units + unit] = after.gates[g];
          pass.state[here] = after.state;
          pass.cell[here] = after.cell;
        }
        states[at] = pass.state[here];
        kept[at] = pass.cell[here];
      }
  }
  store(y, states);
  store(gates, values);
  if (cells) store(*cells, kept);
}

void ReferenceRecurrent::run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy,
                                  const Tensor& y, const Tensor* cells, const Recurrence& how) {
  const Pass pass(y, how);
  const Index rows = pass.rows, units = pass.units, count = pass.gates, all = rows * units;
  const Values states = load(y), kept = cells ? load(*cells) : Values(states.size());
  const Values from = dy ? load(*dy) : Values(states.size());
  Values values = load(gates), of_sums(values.size()), dh = load(dstate), dc = dcell ? load(*dcell) : Values(all);
  for (Index place = pass.steps; place-- > 0;) {
    const Index t = pass.step(place);
    const double* state = place == 0 ? pass.state.data() : states.data() + pass.step(place - 1) * all;
    const double* cell = place == 0 ? pass.cell.data() : kept.data() + pass.step(place - 1) * all;
    for (Index i = 0; i < all; ++i) dh[i] += from[t * all + i];
    Values direct = dh;
    for (Index row = 0; row < rows; ++row)
      for (Index unit = 0; unit < units; ++unit) {
        const Index here = row * units + unit, first = (t * rows + row) * count * units + unit;
        UnitGradient d{};
        if (pass.runs(row, t)) {
          double gate_values[4] = {};
          for (Index g = 0; g < count; ++g) gate_values[g] = values[first + g * units];
          d = gradient(how.cell, gate_values, kept[t * all + here], state[here], cell[here], dh[here], dc[here]);
          direct[here] = d.state;
          dc[here] = d.cell;
        }
        for (Index g = 0; g < count; ++g) {
          values[first + g * units] = d.a[g];
          of_sums[first + g * units] = d.u[g];
        }
      }
    for (Index row = 0; row < rows; ++row)
      for (Index g = 0; g < count * units; ++g)
        for (Index k = 0; k < units; ++k)
          direct[row * units + k] += of_sums[(t * rows + row) * count * units + g] * pass.weight[g * units + k];
    dh = direct;
  }
  store(gates, values);
  if (sums) store(*sums, of_sums);
  store(dstate, dh);
  if (dcell) store(*dcell, dc);
}

void ReferenceRecurrent::swap(Tensor& y, const Tensor& x) {
  const std::int64_t steps = x.size(0), rows = x.size(1);
  if (x.numel() == 0) return;
  const std::int64_t bytes = x.bytes() / (steps * rows);
  for (std::int64_t t = 0; t < steps; ++t)
    for (std::int64_t row = 0; row < rows; ++row)
      std::memcpy(y.raw() + (row * steps + t) * bytes, x.raw() + (t * rows + row) * bytes,
                  static_cast<std::size_t>(bytes));
}

}  // namespace trireme::reference
