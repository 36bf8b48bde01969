// Convolutions by kernels of our own, which take any sizes; as ImageKernels' of the same names.
#pragma once

#include <cuda_runtime.h>

#include "runtime/kernels/image_kernels.h"

namespace trireme::cuda {

struct OwnConvolution {
  cudaStream_t stream;
  int multiprocessors;
};
void own_convolution(const OwnConvolution& call, Tensor& y, const Tensor& x, const Tensor& weight,
                     const Convolution& how);
void own_convolution_input(const OwnConvolution& call, Tensor& dx, const Tensor& dy, const Tensor& weight,
                           const Convolution& how);
void own_convolution_weight(const OwnConvolution& call, Tensor& dweight, const Tensor& dy, const Tensor& x,
                            const Convolution& how, bool accumulate);

}  // namespace trireme::cuda
