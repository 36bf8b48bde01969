#include "runtime/ops/recurrent.h"

#include <utility>
#include <vector>

#include "runtime/kernels/image_kernels.h"
#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

// What is more exact than activations: f32, or with f64 activations f64.
DType exact(const Tensor& x) {
  return x.dtype() == DType::f64 ? DType::f64 : DType::f32;
}

const Tensor* if_any(const Tensor& x) {
  return x ? &x : nullptr;
}

void expect(std::string_view what, const Tensor& x, const Shape& shape, DType dtype) {
  if (x && (x.shape() != shape || x.dtype() != dtype))
    fail("recurrent", "expected", what, "of", shape, dtype, "found", x.shape(), x.dtype());
}

void check(const Tensor& x, const RecurrentOptions& o) {
  const std::int64_t gates = gates_of(o.cell), units = o.weight.size(-1), width = gates * units;
  if (x.shape().dims() != 3 || x.size(0) < 1 || x.size(2) != width)
    fail("recurrent", "expected x (T, B,", width, ") of at least one step, found", x.shape());
  const Shape row{x.size(1), units};
  expect("a weight", o.weight, {width, units}, x.dtype());
  expect("a bias", o.input_bias, {width}, x.dtype());
  expect("a bias", o.bias, {width}, x.dtype());
  expect("a state", o.state, row, x.dtype());
  expect("a cell's state", o.cell_state, row, exact(x));
  expect("lengths", o.lengths, {x.size(1)}, DType::i32);
  require(!o.cell_state || o.cell == Cell::lstm, "recurrent", "expected a cell's state of an LSTM alone, found one of",
          name_of(o.cell));
}

Recurrence recurrence_of(const RecurrentOptions& o) {
  return {.cell = o.cell,
          .reverse = o.reverse,
          .lengths = if_any(o.lengths),
          .weight = &o.weight,
          .input_bias = if_any(o.input_bias),
          .bias = if_any(o.bias),
          .state = if_any(o.state),
          .cell_state = if_any(o.cell_state)};
}

// A gradient that kernels read and write, in the beginning what arrived or zeros.
Tensor begun(Gradients& g, const Tensor& arrived, const Shape& shape, DType dtype) {
  Tensor gradient = empty(g.device(), shape, dtype);
  if (arrived)
    g.kernels().cast(gradient, arrived);
  else
    g.kernels().fill(gradient, 0.0f);
  return gradient;
}

// dweight = the sum over steps of sums^T h, h the state before the step: that of the step before it, or the first one.
void weight_gradient(Kernels& kernels, Tensor& dweight, bool accumulate, const Tensor& sums, const Tensor& y,
                     const RecurrentOptions& o) {
  const std::int64_t steps = y.size(0), rows = y.size(1), units = y.size(2), width = sums.size(2);
  const std::int64_t first = o.reverse ? 0 : 1, before = 1 - first, others = (steps - 1) * rows;
  if (steps > 1)
    kernels.gemm(dweight, sums.rows(first, first + steps - 1).view({others, width}),
                 y.rows(before, before + steps - 1).view({others, units}),
                 {.transpose_a = true, .beta = accumulate ? 1.0f : 0.0f});
  const std::int64_t start = o.reverse ? steps - 1 : 0;
  if (o.state)
    kernels.gemm(dweight, sums.rows(start, start + 1).view({rows, width}), o.state,
                 {.transpose_a = true, .beta = accumulate || steps > 1 ? 1.0f : 0.0f});
  else if (steps == 1 && !accumulate)
    kernels.fill(dweight, 0.0f);
}

void bias_gradient(Gradients& g, int input, const Tensor& sums) {
  g.give_weight(input, {sums.size(2)}, [sums, kernels = &g.kernels()](Tensor& place, bool accumulate) {
    kernels->column_sum(place, sums.view(as_matrix(sums.shape())), accumulate);
  });
}

// Both biases of a cell that only ever adds them have one gradient.
void shared_bias_gradient(Gradients& g, const Tensor& sums) {
  Tensor total = empty(g.device(), {sums.size(2)}, exact(sums));
  g.kernels().column_sum(total, sums.view(as_matrix(sums.shape())), false);
  for (const int input : {2, 3})
    g.give_weight(input, total.shape(), [total, kernels = &g.kernels()](Tensor& place, bool accumulate) {
      if (accumulate)
        kernels->axpy(place, total, 1.0f, nullptr);
      else
        kernels->cast(place, total);
    });
}

void recurrent_grad(Gradients& g, Tensor gates, const Tensor& y, const Tensor& cells, const RecurrentOptions& o) {
  const bool lstm = o.cell == Cell::lstm, gru = o.cell == Cell::gru;
  const Shape row{y.size(1), y.size(2)};
  const Tensor dy = g.incoming(0);
  Tensor dstate = begun(g, g.incoming(1), row, exact(y));
  Tensor dcell = lstm ? begun(g, g.incoming(2), row, exact(y)) : Tensor{};
  Tensor sums = gru ? empty_like(gates) : Tensor{};
  g.kernels().recurrent().run_grad(gates, gru ? &sums : nullptr, dstate, lstm ? &dcell : nullptr, if_any(dy), y,
                                   if_any(cells), recurrence_of(o));
  if (!gru) sums = gates;
  if (g.wants(1))
    g.give_weight(1, o.weight.shape(), [sums, y, o, kernels = &g.kernels()](Tensor& place, bool accumulate) {
      weight_gradient(*kernels, place, accumulate, sums, y, o);
    });
  if (!gru && g.wants(2) && g.wants(3)) {
    shared_bias_gradient(g, sums);
  } else {
    if (g.wants(2)) bias_gradient(g, 2, gates);
    if (g.wants(3)) bias_gradient(g, 3, sums);
  }
  if (g.wants(4)) g.give(4, dstate);
  if (g.wants(5)) g.give(5, dcell);
  if (g.wants(0)) g.give(0, gates);
}

}  // namespace

Recurred recurrent(Context& cx, const Tensor& x, const RecurrentOptions& options) {
  check(x, options);
  const std::int64_t steps = x.size(0), rows = x.size(1), units = options.weight.size(1);
  const bool lstm = options.cell == Cell::lstm, keeps = lstm || options.cell == Cell::gru;
  const bool in_place = !x.mark.leaf && x.storage().use_count() == 1;
  Tensor gates = in_place ? x.detached() : empty_like(x);
  if (!in_place) cx.kernels.cast(gates, x);
  Tensor y = empty(cx.device, {steps, rows, units}, x.dtype());
  Tensor cells = keeps ? empty(cx.device, y.shape(), exact(x)) : Tensor{};
  cx.kernels.recurrent().run(y, gates, keeps ? &cells : nullptr, recurrence_of(options));
  const std::int64_t last = options.reverse ? 0 : steps - 1;
  Recurred out{.y = y, .state = y.rows(last, last + 1).view({rows, units}), .cell_state = {}};
  if (lstm) out.cell_state = cells.rows(last, last + 1).view({rows, units});
  RecurrentOptions kept = options;
  for (Tensor* tensor : {&kept.weight, &kept.input_bias, &kept.bias, &kept.state, &kept.cell_state})
    if (*tensor) *tensor = tensor->detached();
  const auto back = [gates, y, cells, kept](Gradients& g) { recurrent_grad(g, gates, y, cells, kept); };
  const auto inputs = {&x, &options.weight, &options.input_bias, &options.bias, &options.state, &options.cell_state};
  if (lstm)
    record(cx, "recurrent", inputs, {&out.y, &out.state, &out.cell_state}, back);
  else
    record(cx, "recurrent", inputs, {&out.y, &out.state}, back);
  return out;
}

Tensor swap(Context& cx, const Tensor& x) {
  if (x.shape().dims() < 2) fail("swap", "expected two dimensions at least, found", x.shape());
  std::vector<std::int64_t> sizes(x.shape().begin(), x.shape().end());
  std::swap(sizes[0], sizes[1]);
  Tensor y = empty(cx.device, Shape(sizes), x.dtype());
  cx.kernels.recurrent().swap(y, x);
  record(cx, "swap", {&x}, {&y}, [shape = x.shape()](Gradients& g) {
    Tensor dx = empty(g.device(), shape, g.incoming().dtype());
    g.kernels().recurrent().swap(dx, g.incoming());
    g.give(0, dx);
  });
  return y;
}

Tensor concatenate(Context& cx, const Tensor& a, const Tensor& b) {
  same_dtype("concatenate", a, b);
  const std::int64_t left = a.size(-1), right = b.size(-1);
  if (with_last(a.shape(), right) != b.shape())
    fail("concatenate", "expected shapes that differ in the innermost size alone, found", a.shape(), "and", b.shape());
  Tensor y = empty(cx.device, with_last(a.shape(), left + right), a.dtype());
  cx.kernels.images().copy_channels(y, 0, a, 0, left);
  cx.kernels.images().copy_channels(y, left, b, 0, right);
  record(cx, "concatenate", {&a, &b}, {&y}, [a_shape = a.shape(), b_shape = b.shape(), left, right](Gradients& g) {
    const Tensor dy = g.incoming();
    const auto part = [&](int input, const Shape& shape, std::int64_t first, std::int64_t count) {
      if (!g.wants(input)) return;
      Tensor gradient = empty(g.device(), shape, dy.dtype());
      g.kernels().images().copy_channels(gradient, 0, dy, first, count);
      g.give(input, gradient);
    };
    part(0, a_shape, 0, left);
    part(1, b_shape, left, right);
  });
  return y;
}

Tensor dropout_of_steps(Context& cx, const Tensor& x, float probability, std::string_view site) {
  if (!(probability >= 0.0f && probability < 1.0f))
    fail("dropout", "expected a probability in [0, 1), found", probability, "at", site);
  if (x.shape().dims() != 3) fail("dropout", "expected x (T, B, C), found", x.shape(), "at", site);
  if (!cx.training || probability == 0.0f) return x;
  constexpr std::int64_t between_steps = std::int64_t{1} << 40;
  const std::int64_t width = x.size(2), row = x.size(1) * width;
  require(cx.first_sample < between_steps / width - x.size(1), "dropout", "expected fewer samples than 2^40 /", width,
          "found", cx.first_sample);
  Dropout how = cx.dropout(site, probability, 0);
  how.first = cx.first_sample * width;
  how.runs = {.length = row, .stride = between_steps};
  Tensor y = empty_like(x);
  cx.kernels.dropout(y, x, how);
  record(cx, "dropout", {&x}, {&y}, [how](Gradients& g) {
    Tensor dx = empty_like(g.incoming());
    g.kernels().dropout(dx, g.incoming(), how);
    g.give(0, dx);
  });
  return y;
}

}  // namespace trireme::ops
