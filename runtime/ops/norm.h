// Normalisation over the innermost dimension, fused with the residual addition that usually stands before it.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

struct Normed {
  Tensor sum;  // x + residual; x itself when there is no residual
  Tensor y;    // the normalised sum
};

// Layer normalisation, Ba et al. 2016: y = (s - mean(s)) / sqrt(var(s) + epsilon) * weight + bias; s = x + residual.
// x, residual (..., C), residual may be undefined; weight, bias (C).
Normed layer_norm(Context& cx, const Tensor& x, const Tensor& residual, const Tensor& weight, const Tensor& bias,
                  float epsilon);

// RMS normalisation, Zhang & Sennrich 2019: y = s / sqrt(mean(s^2) + epsilon) * weight.
Normed rms_norm(Context& cx, const Tensor& x, const Tensor& residual, const Tensor& weight, float epsilon);

}  // namespace trireme::ops
