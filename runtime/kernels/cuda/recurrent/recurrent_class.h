// The cuda kernels of recurrent networks: at every step a matrix product and a kernel for the cells. What cuda_class.h
// says of methods holds here too.
#pragma once

#include <cuda_runtime.h>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::cuda {

class CudaRecurrent final : public RecurrentKernels {
 public:
  // `products` makes the matrix products.
  CudaRecurrent(CudaDevice& device, Kernels& products)
      : device_(device), products_(products), stream_(device.native_compute()) {}

  void run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) override;
  void run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy, const Tensor& y,
                const Tensor* cells, const Recurrence& how) override;
  void swap(Tensor& y, const Tensor& x) override;

 private:
  int multiprocessors() const { return device_.properties().multiProcessorCount; }

  CudaDevice& device_;
  Kernels& products_;
  cudaStream_t stream_;
};

}  // namespace trireme::cuda
