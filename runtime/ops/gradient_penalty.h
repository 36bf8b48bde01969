// The penalty on the gradient that a network has with respect to its inputs (Gulrajani et al. 2017), and what it is
// built of. Its own gradient is one of second order. That needs no second tape: where a network is made of products
// with weights and of piecewise linear functions, its way back to the inputs is itself such a network, with the
// transposed products and with the slopes as constants; recorded as a forward pass, it has an exact gradient.
#pragma once

#include "runtime/autograd/context.h"

namespace trireme::ops {

// dy where y > 0, slope dy elsewhere: the way back through a leaky ReLU whose result was y, as an operation. Almost
// everywhere y has no part in its gradient.
Tensor slope_gradient(Context& cx, const Tensor& dy, const Tensor& y, float slope);

// One f32: the mean over samples of (|g| - 1)^2, where g (B, ...) are the gradients of B samples. Where g is zero its
// gradient is taken as zero too.
Tensor gradient_penalty(Context& cx, const Tensor& gradients);

}  // namespace trireme::ops
