// Elementwise operations.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

Tensor activate(Context& cx, const Tensor& x, Activation activation);

// y = activation(a) b for x (..., 2 C) with rows [a | b]: y (..., C). SwiGLU with silu (Shazeer 2020).
Tensor gate(Context& cx, const Tensor& x, Activation activation);

// b has a's shape, or the shape of a's last dimensions and is repeated over the others.
Tensor add(Context& cx, const Tensor& a, const Tensor& b);
Tensor subtract(Context& cx, const Tensor& a, const Tensor& b);
Tensor multiply(Context& cx, const Tensor& a, const Tensor& b);
Tensor scale(Context& cx, const Tensor& x, float factor);

// Drops elements with `probability` while cx.training (Srivastava et al. 2014, scaled at training time). `site` names
// the place in the model; x's outermost dimension is the sample, or a multiple of it.
Tensor dropout(Context& cx, const Tensor& x, float probability, std::string_view site);
struct DropoutOptions {
  float probability = 0.0f;
  std::string_view site = {};
  // x is part `part` of `parts` equal ranges of rows of a larger tensor, and of those, part `column_part` of
  // `column_parts` equal blocks of columns: the elements are dropped that the whole would drop.
  std::int64_t part = 0, parts = 1;
  std::int64_t column_part = 0, column_parts = 1;
};
Tensor dropout(Context& cx, const Tensor& x, const DropoutOptions& options);

// Same elements, other shape.
Tensor reshape(Context& cx, const Tensor& x, const Shape& shape);
Tensor cast(Context& cx, const Tensor& x, DType dtype);

// One f32: the sum, or mean, of all elements.
Tensor sum(Context& cx, const Tensor& x);
Tensor mean(Context& cx, const Tensor& x);

Tensor softmax(Context& cx, const Tensor& x);  // over the innermost dimension
Tensor log_softmax(Context& cx, const Tensor& x);

}  // namespace trireme::ops
