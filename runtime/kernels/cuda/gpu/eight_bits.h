// Numbers of 8 bits (Micikevicius et al. 2022). Found in the include folder that the build chooses.
#pragma once

#include <cuda_fp8.h>

#include <cstdint>

#include "runtime/kernels/cuda/gemm/problem.h"

namespace trireme::cuda {

// Rounds to nearest even; too large becomes the largest; NaN stays NaN. `format` is e4m3 or e5m2.
template <Element format>
__device__ std::uint8_t to_float8(float x) {
  return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, format == Element::e4m3 ? __NV_E4M3 : __NV_E5M2);
}

}  // namespace trireme::cuda
