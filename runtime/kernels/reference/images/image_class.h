// The reference's kernels of images; each group is defined in the file of its name.
#pragma once

#include "runtime/kernels/image_kernels.h"

namespace trireme::reference {

class ReferenceImages final : public ImageKernels {
 public:
  void copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                     std::int64_t count) override;
};

}  // namespace trireme::reference
