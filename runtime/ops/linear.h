// Products with weights.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

struct LinearForm {
  Activation activation = Activation::identity;
  // The three products have factors rounded to 8 bits (Gemm::a_format): x and weight to e4m3, dpre to e5m2. Where a
  // size of the products is no multiple of 16, they are left as they are.
  bool eight_bits = false;
};

// y = activation(x weight^T + bias). x (..., K), weight (N, K), bias (N) or undefined, y (..., N).
// dx = dpre weight, dweight = dpre^T x, dbias = column sums of dpre, where dpre = dy * activation'(x weight^T + bias).
Tensor linear(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias, const LinearForm& form);
inline Tensor linear(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                     Activation activation = Activation::identity) {
  return linear(cx, x, weight, bias, LinearForm{.activation = activation});
}

// c = a b, both two-dimensional: a (M, K), b (K, N).
Tensor matmul(Context& cx, const Tensor& a, const Tensor& b);

}  // namespace trireme::ops
