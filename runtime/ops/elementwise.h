// Elementwise operations.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

Tensor activate(Context& cx, const Tensor& x, Activation activation);

// b has a's shape, or the shape of a's last dimensions and is repeated over the others.
Tensor add(Context& cx, const Tensor& a, const Tensor& b);
Tensor subtract(Context& cx, const Tensor& a, const Tensor& b);
Tensor multiply(Context& cx, const Tensor& a, const Tensor& b);
Tensor scale(Context& cx, const Tensor& x, float factor);

// Drops elements with `probability` while cx.training (Srivastava et al. 2014, scaled at training time). `site` names the
// place in the model; x's outermost dimension is the sample, or a multiple of it.
Tensor dropout(Context& cx, const Tensor& x, float probability, std::string_view site);

// Same elements, other shape.
Tensor reshape(Context& cx, const Tensor& x, const Shape& shape);
Tensor cast(Context& cx, const Tensor& x, DType dtype);

// One f32: the sum, or mean, of all elements.
Tensor sum(Context& cx, const Tensor& x);
Tensor mean(Context& cx, const Tensor& x);

Tensor softmax(Context& cx, const Tensor& x);      // over the innermost dimension
Tensor log_softmax(Context& cx, const Tensor& x);

}  // namespace trireme::ops
