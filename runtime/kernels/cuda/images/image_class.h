// The cuda kernels of images; each group is defined in the file of its name. What cuda_class.h says of methods holds
// here too.
#pragma once

#include <cuda_runtime.h>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::cuda {

class CudaImages final : public ImageKernels {
 public:
  explicit CudaImages(CudaDevice& device) : device_(device), stream_(device.native_compute()) {}

  void copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                     std::int64_t count) override;

 private:
  int multiprocessors() const { return device_.properties().multiProcessorCount; }

  CudaDevice& device_;
  cudaStream_t stream_;
};

}  // namespace trireme::cuda
