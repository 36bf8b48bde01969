#include "runtime/ops/linear.h"

#include <vector>

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

Gemm in_formats(Gemm how, bool eight_bits, EightBits a, EightBits b) {
  if (eight_bits) how.a_format = a, how.b_format = b;
  return how;
}

}  // namespace

Tensor linear(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias, const LinearForm& form) {
  same_dtype("linear", x, weight);
  if (weight.shape().dims() != 2 || x.size(-1) != weight.size(1))
    fail("linear", "expected x (..., K) and weight (N, K), found", x.shape(), "and", weight.shape());
  if (bias && (bias.shape() != Shape{weight.size(0)}))
    fail("linear", "expected a bias of", weight.size(0), "elements, found", bias.shape());
  const std::int64_t in = weight.size(1), out = weight.size(0), rows = x.numel() / in;

  const Activation activation = form.activation;
  const bool small = form.eight_bits && rows > 0 && rows % eight_bits_multiple == 0 && in % eight_bits_multiple == 0 &&
                     out % eight_bits_multiple == 0;

  const Tensor flat = x.view({rows, in});
  Tensor y = empty(cx.device, with_last(x.shape(), out), x.dtype());
  Tensor y_flat = y.view({rows, out});
  const bool keep_input = activation != Activation::identity && cx.tape;
  Tensor preactivation = keep_input ? empty_like(y_flat) : Tensor{};
  const Gemm forward{.transpose_b = true,
                     .bias = bias ? &bias : nullptr,
                     .activation = activation,
                     .preactivation = keep_input ? &preactivation : nullptr};
  cx.kernels.gemm(y_flat, flat, weight, in_formats(forward, small, EightBits::e4m3, EightBits::e4m3));

  record(cx, "linear", {&x, &weight, &bias}, {&y},
         [flat, weight = weight.detached(), preactivation, activation, small, shape = x.shape()](Gradients& g) {
           const std::int64_t n = weight.size(0), k = weight.size(1), m = flat.size(0);
           const bool mine = g.incoming_is_mine();  // asked before a view holds it too
           Tensor dy = g.incoming().view({m, n});
           if (activation != Activation::identity) {
             Tensor dpre = mine ? dy : empty_like(dy);
             if (g.wants(2)) {  // column sums in the same pass
               auto place = g.destination(2, {n});
               g.kernels().activate_grad(dpre, dy, preactivation, activation, &place.gradient, place.accumulate);
               g.written(2, place.gradient);
             } else {
               g.kernels().activate_grad(dpre, dy, preactivation, activation, nullptr, false);
             }
             dy = dpre;
           } else if (g.wants(2)) {
             g.give_weight(2, {n}, [dy, kernels = &g.kernels()](Tensor& place, bool accumulate) {
               kernels->column_sum(place, dy, accumulate);
             });
           }
           if (g.wants(1)) {
             g.give_weight(1, {n, k}, [dy, flat, small, kernels = &g.kernels()](Tensor& place, bool accumulate) {
               const Gemm how{.transpose_a = true, .beta = accumulate ? 1.0f : 0.0f};
               kernels->gemm(place, dy, flat, in_formats(how, small, EightBits::e5m2, EightBits::e4m3));
             });
           }
           if (g.wants(0)) {
             Tensor dx = empty(g.device(), {m, k}, flat.dtype());
             g.kernels().gemm(dx, dy, weight, in_formats({}, small, EightBits::e5m2, EightBits::e4m3));
             g.give(0, dx.view(shape));
           }
         });
  return y;
}

Tensor matmul(Context& cx, const Tensor& a, const Tensor& b) {
  same_dtype("matmul", a, b);
  if (a.shape().dims() != 2 || b.shape().dims() != 2 || a.size(1) != b.size(0))
    fail("matmul", "expected a (M, K) and b (K, N), found", a.shape(), "and", b.shape());
  Tensor c = empty(cx.device, {a.size(0), b.size(1)}, a.dtype());
  cx.kernels.gemm(c, a, b, {});
  record(cx, "matmul", {&a, &b}, {&c}, [a = a.detached(), b = b.detached()](Gradients& g) {
    const Tensor dc = g.incoming();
    if (g.wants(0)) {
      Tensor da = empty_like(a);
      g.kernels().gemm(da, dc, b, {.transpose_b = true});
      g.give(0, da);
    }
    if (g.wants(1)) {
      Tensor db = empty_like(b);
      g.kernels().gemm(db, a, dc, {.transpose_a = true});
      g.give(1, db);
    }
  });
  return c;
}

}  // namespace trireme::ops
