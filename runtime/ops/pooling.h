// Operations that change the size of images (N, H, W, C), and their channels.
#pragma once

#include "runtime/autograd/context.h"
#include "runtime/kernels/image_kernels.h"
#include "runtime/ops/convolution.h"

namespace trireme::ops {

// The largest of each window of at most 256 places; padding is never larger than a pixel.
Tensor max_pool(Context& cx, const Tensor& x, const Window& window);
// Padding counts as zeros.
Tensor average_pool(Context& cx, const Tensor& x, const Window& window);
// Averages of equal parts of an image, however large it is; of parts that overlap by a pixel where it does not divide.
Tensor adaptive_average_pool(Context& cx, const Tensor& x, const Size& size);

Tensor resample(Context& cx, const Tensor& x, const Size& size, Resampling how);

// The channels of a, then those of b, of images of one size.
Tensor join_channels(Context& cx, const Tensor& a, const Tensor& b);

}  // namespace trireme::ops
