// The kernels of images, counted.
#pragma once

#include "runtime/kernels/dry/dry_counter.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme {

class DryImages final : public ImageKernels {
 public:
  explicit DryImages(DryCounter& counter) : counter_(counter) {}

  void copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                     std::int64_t count) override;

 private:
  DryCounter& counter_;
};

}  // namespace trireme
