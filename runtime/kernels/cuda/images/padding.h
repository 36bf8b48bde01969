// Tensors on their way to cuDNN and back: channels filled up with zeros to a multiple of eight, and what it leaves to
// do.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "runtime/kernels/cuda/images/own_convolution.h"
#include "runtime/tensor/tensor.h"

namespace trireme::cuda {

// to (rows, wide): the channels of each row of x, then zeros.
void pad_channels(const OwnConvolution& call, void* to, std::int64_t wide, const Tensor& x);
// y = sloped(from + bias), of the first channels of each row of from (rows, wide); from may be y itself.
void finish_channels(const OwnConvolution& call, Tensor& y, const float* from, std::int64_t wide,
                     const Convolution& how);
// dweight (+)= the first channels of each row of from (rows, wide).
void add_weight_gradient(const OwnConvolution& call, Tensor& dweight, const float* from, std::int64_t wide,
                         bool accumulate);

}  // namespace trireme::cuda
