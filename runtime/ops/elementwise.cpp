#include "runtime/ops/elementwise.h"

#include <algorithm>
#include <vector>

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

// Whether b's shape is a's innermost dimensions.
bool is_suffix(const Shape& b, const Shape& a) {
  return b.dims() <= a.dims() && std::equal(b.begin(), b.end(), a.end() - b.dims());
}

// Gives input 1 of a binary operation its gradient, summed over the dimensions b was repeated over: in fp32, since a
// sum over many rows need not fit into 16 bits.
void give_repeated(Gradients& g, const Tensor& gradient, const Shape& shape) {
  if (gradient.shape() == shape) return g.give(1, gradient);
  g.give_weight(1, shape, [gradient, columns = shape.numel(), kernels = &g.kernels()](Tensor& place, bool accumulate) {
    Tensor sums = place.view({columns});
    kernels->column_sum(sums, gradient.view({gradient.numel() / columns, columns}), accumulate);
  });
}

Tensor binary(Context& cx, const char* name, const Tensor& a, const Tensor& b, Binary op) {
  same_dtype(name, a, b);
  if (!is_suffix(b.shape(), a.shape()))
    fail(name, "expected the second shape to end the first, found", a.shape(), "and", b.shape());
  Tensor y = empty_like(a);
  cx.kernels.binary(y, a, b, op);
  return y;
}

Tensor scaled(Gradients& g, const Tensor& x, float factor) {
  Tensor y = empty_like(x);
  g.kernels().scale(y, x, factor, nullptr);
  return y;
}

Tensor normalised(Context& cx, const Tensor& x, bool log) {
  Tensor y = empty_like(x);
  Tensor flat = y.view(as_matrix(x.shape()));
  cx.kernels.softmax(flat, x.view(as_matrix(x.shape())), log);
  record(cx, log ? "log_softmax" : "softmax", {&x}, {&y}, [y = y.detached(), log](Gradients& g) {
    Tensor dx = empty_like(y);
    const Shape matrix = as_matrix(y.shape());
    Tensor place = dx.view(matrix);
    g.kernels().softmax_grad(place, g.incoming().view(matrix), y.view(matrix), log);
    g.give(0, dx);
  });
  return y;
}

}  // namespace

Tensor activate(Context& cx, const Tensor& x, Activation activation) {
  Tensor y = empty_like(x);
  cx.kernels.activate(y, x, activation);
  record(cx, "activate", {&x}, {&y}, [x = x.detached(), activation](Gradients& g) {
    Tensor dx = empty_like(x);
    g.kernels().activate_grad(dx, g.incoming(), x, activation, nullptr, false);
    g.give(0, dx);
  });
  return y;
}

Tensor gate(Context& cx, const Tensor& x, Activation activation) {
  const Shape pairs = as_matrix(x.shape()), matrix{pairs[0], pairs[1] / 2};
  if (pairs[1] % 2 != 0) fail("gate", "expected rows of two halves, found", x.shape());
  Tensor y = empty(cx.device, with_last(x.shape(), matrix[1]), x.dtype());
  Tensor flat = y.view(matrix);
  cx.kernels.gate(flat, x.view(pairs), activation);
  record(cx, "gate", {&x}, {&y}, [x = x.detached(), pairs, matrix, activation](Gradients& g) {
    Tensor dx = x.storage().use_count() == 1 ? x : empty_like(x);  // over x, if nobody else holds it
    Tensor flat_dx = dx.view(pairs);
    g.kernels().gate_grad(flat_dx, g.incoming().view(matrix), x.view(pairs), activation);
    g.give(0, dx);
  });
  return y;
}

Tensor add(Context& cx, const Tensor& a, const Tensor& b) {
  Tensor y = binary(cx, "add", a, b, Binary::add);
  record(cx, "add", {&a, &b}, {&y}, [shape = b.shape()](Gradients& g) {
    const Tensor dy = g.incoming();
    if (g.wants(0)) g.give(0, dy);
    if (g.wants(1)) give_repeated(g, dy, shape);
  });
  return y;
}

Tensor subtract(Context& cx, const Tensor& a, const Tensor& b) {
  Tensor y = binary(cx, "subtract", a, b, Binary::subtract);
  record(cx, "subtract", {&a, &b}, {&y}, [shape = b.shape()](Gradients& g) {
    const Tensor dy = g.incoming();
    if (g.wants(0)) g.give(0, dy);
    if (g.wants(1)) give_repeated(g, scaled(g, dy, -1.0f), shape);
  });
  return y;
}

Tensor multiply(Context& cx, const Tensor& a, const Tensor& b) {
  Tensor y = binary(cx, "multiply", a, b, Binary::multiply);
  record(cx, "multiply", {&a, &b}, {&y}, [a = a.detached(), b = b.detached()](Gradients& g) {
    const Tensor dy = g.incoming();
    if (g.wants(0)) {
      Tensor da = empty_like(a);
      g.kernels().binary(da, dy, b, Binary::multiply);
      g.give(0, da);
    }
    if (g.wants(1)) {
      Tensor db = empty_like(a);
      g.kernels().binary(db, dy, a, Binary::multiply);
      give_repeated(g, db, b.shape());
    }
  });
  return y;
}

Tensor scale(Context& cx, const Tensor& x, float factor) {
  Tensor y = empty_like(x);
  cx.kernels.scale(y, x, factor, nullptr);
  record(cx, "scale", {&x}, {&y}, [factor](Gradients& g) { g.give(0, scaled(g, g.incoming(), factor)); });
  return y;
}

Tensor dropout(Context& cx, const Tensor& x, float probability, std::string_view site) {
  return dropout(cx, x, {.probability = probability, .site = site});
}

Tensor dropout(Context& cx, const Tensor& x, const DropoutOptions& options) {
  if (!(options.probability >= 0.0f && options.probability < 1.0f))
    fail("dropout", "expected a probability in [0, 1), found", options.probability, "at", options.site);
  if (!cx.training || options.probability == 0.0f) return x;
  const std::int64_t rows_here = x.numel() * options.column_parts;  // elements of the whole tensor's rows
  Dropout how = cx.dropout(options.site, options.probability, rows_here * options.parts);
  how.first += options.part * rows_here;
  if (options.column_parts > 1) {
    const std::int64_t columns = x.size(-1);
    how.first += options.column_part * columns;
    how.runs = {.length = columns, .stride = columns * options.column_parts};
  }
  Tensor y = empty_like(x);
  cx.kernels.dropout(y, x, how);
  record(cx, "dropout", {&x}, {&y}, [how](Gradients& g) {
    Tensor dx = empty_like(g.incoming());
    g.kernels().dropout(dx, g.incoming(), how);
    g.give(0, dx);
  });
  return y;
}

Tensor reshape(Context& cx, const Tensor& x, const Shape& shape) {
  Tensor y = x.view(shape);
  record(cx, "reshape", {&x}, {&y}, [before = x.shape()](Gradients& g) { g.give(0, g.incoming().view(before)); });
  return y;
}

Tensor cast(Context& cx, const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = empty(cx.device, x.shape(), dtype);
  cx.kernels.cast(y, x);
  record(cx, "cast", {&x}, {&y}, [before = x.dtype()](Gradients& g) {
    Tensor dx = empty(g.device(), g.incoming().shape(), before);
    g.kernels().cast(dx, g.incoming());
    g.give(0, dx);
  });
  return y;
}

Tensor sum(Context& cx, const Tensor& x) {
  Tensor y = empty(cx.device, {}, DType::f32);
  cx.kernels.sum(y, x);
  record(cx, "sum", {&x}, {&y}, [shape = x.shape(), dtype = x.dtype()](Gradients& g) {
    Tensor ones = empty(g.device(), shape, dtype);
    g.kernels().fill(ones, 1.0f);
    g.kernels().scale(ones, ones, 1.0f, &g.incoming());
    g.give(0, ones);
  });
  return y;
}

Tensor mean(Context& cx, const Tensor& x) {
  return scale(cx, sum(cx, x), 1.0f / static_cast<float>(std::max<std::int64_t>(x.numel(), 1)));
}

Tensor softmax(Context& cx, const Tensor& x) {
  return normalised(cx, x, false);
}
Tensor log_softmax(Context& cx, const Tensor& x) {
  return normalised(cx, x, true);
}

}  // namespace trireme::ops
