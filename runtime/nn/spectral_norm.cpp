#include "runtime/nn/spectral_norm.h"

#include <cmath>

namespace trireme::nn {
namespace {

// y = x / |x|, and 1 / |x| as one f32. The RMS norm of a row with the weight 1 / sqrt(n) is that.
Tensor unit(Kernels& kernels, Tensor& y, const Tensor& x) {
  constexpr float epsilon = 1e-24f;  // of the mean square: what is zero stays it
  Device& device = x.device();
  const float length = std::sqrt(static_cast<float>(x.numel()));
  Tensor weight = empty(device, {x.size(1)}, DType::f32), rstd = empty(device, {1}, DType::f32);
  kernels.fill(weight, 1.0f / length);
  kernels.rms_norm(y, rstd, x, nullptr, nullptr, weight, epsilon);
  kernels.scale(rstd, rstd, 1.0f / length, nullptr);
  return rstd;
}

}  // namespace

SpectralNorm::SpectralNorm(const Shape& weight)
    : u({1, weight[0]}, Init::normal(1.0f)),
      v({1, weight.numel() / weight[0]}, Init::normal(1.0f)),
      rows_(weight[0]),
      columns_(weight.numel() / weight[0]) {
  add("u", u);
  add("v", v);
}

Tensor SpectralNorm::forward(Context& cx, const Tensor& weight) {
  Kernels& kernels = cx.kernels;
  Tensor matrix = weight.view({rows_, columns_}).detached();
  if (matrix.dtype() != DType::f32) {
    matrix = empty(cx.device, matrix.shape(), DType::f32);
    kernels.cast(matrix, weight.view({rows_, columns_}));
  }
  // Copies: the buffers move on with the next pass, before this one's gradient is asked for.
  Tensor left = empty(cx.device, {1, rows_}, DType::f32), right = empty(cx.device, {1, columns_}, DType::f32);
  Tensor product = empty(cx.device, {1, rows_}, DType::f32);
  if (cx.training) {
    kernels.gemm(right, u.value, matrix, {});
    unit(kernels, v.value, right);
  }
  unit(kernels, right, v.value);
  kernels.gemm(product, right, matrix, {.transpose_b = true});
  const Tensor inverse = unit(kernels, left, product);  // of sigma = |W v|
  if (cx.training) kernels.cast(u.value, left);
  Tensor y = empty(cx.device, weight.shape(), weight.dtype());
  kernels.scale(y, weight, 1.0f, &inverse);
  // d/dW of W / (u^T W v): (dy - (dy . y) u v^T) / sigma.
  record(cx, "spectral_norm", {&weight}, {&y},
         [y = y.detached(), left, right, inverse, rows = rows_, columns = columns_](Gradients& g) {
           Kernels& k = g.kernels();
           Tensor dy = empty(g.device(), {rows, columns}, DType::f32), normalised = empty_like(dy);
           k.cast(dy, g.incoming().view(dy.shape()));
           k.cast(normalised, y.view(dy.shape()));
           Tensor products = empty_like(dy), dot = empty(g.device(), {}, DType::f32);
           k.binary(products, dy, normalised, Binary::multiply);
           k.sum(dot, products);
           k.gemm(products, left, right, {.transpose_a = true});
           k.axpy(dy, products, -1.0f, &dot);
           Tensor dx = empty(g.device(), y.shape(), y.dtype());
           k.scale(dy, dy, 1.0f, &inverse);
           k.cast(dx, dy.view(y.shape()));
           g.give(0, dx);
         });
  return y;
}

}  // namespace trireme::nn
