#include "runtime/ops/norm.h"

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

void check(std::string_view op, const Tensor& x, const Tensor& residual, const Tensor& weight) {
  same_dtype(op, x, weight);
  if (residual) {
    same_shape(op, x, residual);
    same_dtype(op, x, residual);
  }
  if (weight.shape() != Shape{x.size(-1)})
    fail(op, "expected a weight of", x.size(-1), "elements, found", weight.shape());
}

// What the gradients of both normalisations share: which gradients arrived and where dx goes. Output 0 is the sum,
// output 1 the normalised sum; without a residual there is only the latter, as output 0.
struct Arrived {
  Tensor dy, dsum, dx;
};
Arrived arrived(Gradients& g, bool has_residual, const Tensor& sum) {
  const Shape matrix = as_matrix(sum.shape());
  const int normed = has_residual ? 1 : 0;
  Arrived result;
  if (has_residual && g.incoming(0)) result.dsum = g.incoming(0).view(matrix);
  if (g.incoming(normed)) {
    result.dy = g.incoming(normed).view(matrix);
  } else {  // only the sum was used
    result.dy = empty(g.device(), matrix, sum.dtype());
    g.kernels().fill(result.dy, 0.0f);
  }
  // The slot and result.dsum hold the incoming gradient; in place if nobody else does.
  const bool in_place = result.dsum && result.dsum.storage().use_count() == 2;
  result.dx = in_place ? result.dsum : empty(g.device(), matrix, sum.dtype());
  return result;
}

void give_both(Gradients& g, const Tensor& dx, const Shape& shape, bool has_residual) {
  if (g.wants(0)) g.give(0, dx.view(shape));
  if (has_residual && g.wants(1)) g.give(1, dx.view(shape));
}

}  // namespace

Normed layer_norm(Context& cx, const Tensor& x, const Tensor& residual, const Tensor& weight, const Tensor& bias,
                  float epsilon) {
  check("layer_norm", x, residual, weight);
  same_shape("layer_norm", weight, bias);
  const Shape matrix = as_matrix(x.shape());
  const bool has_residual = static_cast<bool>(residual);
  Normed out{has_residual ? empty_like(x) : x, empty_like(x)};
  Tensor mean = empty(cx.device, {matrix[0]}, DType::f32), rstd = empty(cx.device, {matrix[0]}, DType::f32);
  {
    Tensor y = out.y.view(matrix), sum = out.sum.view(matrix);
    const Tensor other = has_residual ? residual.view(matrix) : Tensor{};
    cx.kernels.layer_norm(y, mean, rstd, x.view(matrix), has_residual ? &other : nullptr, has_residual ? &sum : nullptr,
                          weight, bias, epsilon);
  }
  const auto backward = [sum = out.sum.detached(), mean, rstd, weight = weight.detached(), has_residual](Gradients& g) {
    Arrived in = arrived(g, has_residual, sum);
    auto dweight = g.destination(2, weight.shape()), dbias = g.destination(3, weight.shape());
    const bool together = dweight.accumulate == dbias.accumulate;  // false when one of them is frozen
    if (!together) dweight.gradient = empty_like(dweight.gradient), dbias.gradient = empty_like(dbias.gradient);
    g.kernels().layer_norm_grad(in.dx, dweight.gradient, dbias.gradient, in.dy, sum.view(as_matrix(sum.shape())), mean,
                                rstd, weight, in.dsum ? &in.dsum : nullptr, together && dweight.accumulate);
    if (together) {
      g.written(2, dweight.gradient);
      g.written(3, dbias.gradient);
    } else {
      g.give(2, dweight.gradient);
      g.give(3, dbias.gradient);
    }
    give_both(g, in.dx, sum.shape(), has_residual);
  };
  if (has_residual) {
    record(cx, "layer_norm", {&x, &residual, &weight, &bias}, {&out.sum, &out.y}, backward);
  } else {
    record(cx, "layer_norm", {&x, &residual, &weight, &bias}, {&out.y}, backward);
  }
  return out;
}

Normed rms_norm(Context& cx, const Tensor& x, const Tensor& residual, const Tensor& weight, float epsilon) {
  check("rms_norm", x, residual, weight);
  const Shape matrix = as_matrix(x.shape());
  const bool has_residual = static_cast<bool>(residual);
  Normed out{has_residual ? empty_like(x) : x, empty_like(x)};
  Tensor rstd = empty(cx.device, {matrix[0]}, DType::f32);
  {
    Tensor y = out.y.view(matrix), sum = out.sum.view(matrix);
    const Tensor other = has_residual ? residual.view(matrix) : Tensor{};
    cx.kernels.rms_norm(y, rstd, x.view(matrix), has_residual ? &other : nullptr, has_residual ? &sum : nullptr, weight,
                        epsilon);
  }
  const auto backward = [sum = out.sum.detached(), rstd, weight = weight.detached(), has_residual](Gradients& g) {
    Arrived in = arrived(g, has_residual, sum);
    auto dweight = g.destination(2, weight.shape());
    g.kernels().rms_norm_grad(in.dx, dweight.gradient, in.dy, sum.view(as_matrix(sum.shape())), rstd, weight,
                              in.dsum ? &in.dsum : nullptr, dweight.accumulate);
    g.written(2, dweight.gradient);
    give_both(g, in.dx, sum.shape(), has_residual);
  };
  if (has_residual) {
    record(cx, "rms_norm", {&x, &residual, &weight}, {&out.sum, &out.y}, backward);
  } else {
    record(cx, "rms_norm", {&x, &residual, &weight}, {&out.y}, backward);
  }
  return out;
}

}  // namespace trireme::ops
