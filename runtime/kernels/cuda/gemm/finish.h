// What follows a product that the library could not do with its epilogue.
#pragma once

#include <cuda_runtime.h>

#include "runtime/kernels/kernels.h"

namespace trireme::cuda {

// x = product + beta c + bias; preactivation = x, c = activation(x). `product` is (M, N) fp32 and may be c itself; null
// counts as zero. Of `how`, alpha and the transposes play no part.
void finish_product(cudaStream_t stream, int multiprocessors, Tensor& c, const float* product, const Gemm& how);

}  // namespace trireme::cuda
