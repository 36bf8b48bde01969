// Products with weights.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

// y = activation(x weight^T + bias). x (..., K), weight (N, K), bias (N) or undefined, y (..., N).
// dx = dpre weight, dweight = dpre^T x, dbias = column sums of dpre, where dpre = dy * activation'(x weight^T + bias).
Tensor linear(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias,
              Activation activation = Activation::identity);

// c = a b, both two-dimensional: a (M, K), b (K, N).
Tensor matmul(Context& cx, const Tensor& a, const Tensor& b);

}  // namespace trireme::ops
