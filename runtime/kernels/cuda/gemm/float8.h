// Tensors in 8 bits with one scale each: E4M3 for values, E5M2 for gradients, whose range is wider (Micikevicius et al.
// 2022, FP8 Formats for Deep Learning). The scale is that of the tensor as it is ("current scaling"): nothing is
// carried from step to step, so a step that is replayed, resumed or computed again gives the same bits.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "runtime/kernels/cuda/gemm/problem.h"
#include "runtime/tensor/tensor.h"

namespace trireme::cuda {

// Where a matrix (R, C) goes. `rows` (R, C) and `columns` (C, R) hold the same elements; one of them may be null.
// `scale` is one number on the device: an element times `scale` is about what it was. It is a power of two, so scaling
// rounds nothing. Of a matrix with an infinity it is NaN, so that the infinity is not lost.
struct InEightBits {
  Element format = Element::e4m3;
  std::uint8_t* rows = nullptr;
  std::uint8_t* columns = nullptr;
  float* scale = nullptr;
};

// Floats of scratch that to_eight_bits() wants.
inline constexpr std::int64_t eight_bits_scratch = 1024;

// x: bf16, f16 or f32; R and C are multiples of 16.
void to_eight_bits(cudaStream_t stream, int multiprocessors, const InEightBits& to, const Tensor& x, float* scratch);

}  // namespace trireme::cuda
