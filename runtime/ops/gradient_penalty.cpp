#include "runtime/ops/gradient_penalty.h"

#include <cmath>

#include "runtime/kernels/image_kernels.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/shapes.h"

namespace trireme::ops {

Tensor slope_gradient(Context& cx, const Tensor& dy, const Tensor& y, float slope) {
  same_shape("slope_gradient", dy, y);
  same_dtype("slope_gradient", dy, y);
  Tensor dx = empty_like(dy);
  cx.kernels.images().slope_grad(dx, dy, y, slope, nullptr, false);
  record(cx, "slope_gradient", {&dy}, {&dx}, [y = y.detached(), slope](Gradients& g) {
    Tensor back = empty_like(y);
    g.kernels().images().slope_grad(back, g.incoming(), y, slope, nullptr, false);
    g.give(0, back);
  });
  return dx;
}

// With u = g / |g|: |g| = u . g, and the gradient of (|g| - 1)^2 is 2 (|g| - 1) u = 2 (g - u).
Tensor gradient_penalty(Context& cx, const Tensor& gradients) {
  const Shape& shape = gradients.shape();
  if (shape.dims() < 2 || gradients.numel() == 0)
    fail("gradient_penalty", "expected the gradients of samples (B, ...), found", shape);
  const std::int64_t samples = shape[0], numbers = gradients.numel() / samples;
  const Tensor g = cast(cx, reshape(cx, gradients, {samples, numbers}), DType::f32);
  constexpr float epsilon = 1e-24f;  // of the mean square: what is zero stays it
  Kernels& kernels = cx.kernels;
  const auto filled = [&](const Shape& size, float value) {
    Tensor tensor = empty(cx.device, size, DType::f32);
    kernels.fill(tensor, value);
    return tensor;
  };
  Tensor unit = empty_like(g), rstd = empty(cx.device, {samples}, DType::f32), products = empty_like(g);
  // The RMS norm of n numbers with the weight 1 / sqrt(n) divides them by their length.
  const Tensor weight = filled({numbers}, 1.0f / std::sqrt(static_cast<float>(numbers)));
  kernels.rms_norm(unit, rstd, g, nullptr, nullptr, weight, epsilon);
  kernels.binary(products, unit, g, Binary::multiply);
  Tensor lengths = empty(cx.device, {samples, 1}, DType::f32), penalty = empty(cx.device, {}, DType::f32);
  kernels.gemm(lengths, products, filled({numbers, 1}, 1.0f), {});
  kernels.pointwise_loss(penalty, nullptr, lengths, filled({samples, 1}, 1.0f), PointwiseLoss::mse);
  kernels.scale(penalty, penalty, 1.0f / static_cast<float>(samples), nullptr);

  record(cx, "gradient_penalty", {&g}, {&penalty}, [g = g.detached(), unit, samples](Gradients& back) {
    Tensor dg = empty_like(g);
    back.kernels().binary(dg, g, unit, Binary::subtract);
    back.kernels().scale(dg, dg, 2.0f / static_cast<float>(samples), &back.incoming());
    back.give(0, dg);
  });
  return penalty;
}

}  // namespace trireme::ops
