// Seam 2, the kernels of images: what convolutional networks need beyond kernels.h, whose rules hold here too.
//
// Images lie with their channels innermost: (N, H, W, C).
#pragma once

#include <cstdint>

#include "runtime/tensor/tensor.h"

namespace trireme {

class ImageKernels {
 public:
  virtual ~ImageKernels() = default;

  // Channels y_first ... y_first + count - 1 of y = channels x_first ... of x; the others of y stay.
  virtual void copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                             std::int64_t count) = 0;
};

}  // namespace trireme
