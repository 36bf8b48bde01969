// What kernels use of the GPU beyond plain C++: launches, 16-bit conversions and accesses of several bytes at once.
// Found as "machine.h" in the include folder that the build chooses.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "runtime/base/dtype.h"
#include "runtime/device/cuda/check.h"

namespace trireme::cuda {

struct Grid {
  std::int64_t blocks;  // below 2^31
  int threads;
  std::int64_t blocks_y = 1;  // below 2^16
};

// Enqueues kernel(arguments...).
template <class... Parameters>
void launch(cudaStream_t stream, Grid grid, void (*kernel)(Parameters...),
            std::type_identity_t<Parameters>... arguments) {
  void* addresses[] = {&arguments...};
  const dim3 blocks(static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.blocks_y));
  check(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), blocks, dim3(static_cast<unsigned>(grid.threads)),
                         addresses, 0, stream),
        "cudaLaunchKernel");
}

__device__ inline float to_float(float x) {
  return x;
}
__device__ inline float to_float(BFloat16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}
__device__ inline float to_float(Float16 x) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
  return value;
}

// Rounds to nearest even; NaN stays NaN.
template <class T>
__device__ T rounded(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    T value;
    if constexpr (std::is_same_v<T, BFloat16>)
      asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(value.bits) : "f"(x));
    else
      asm("cvt.rn.f16.f32 %0, %1;" : "=h"(value.bits) : "f"(x));
    return value;
  }
}

// Two 16-bit numbers in a word, the first in the low half.
template <class T>
__device__ void unpack_pair(float* to, std::uint32_t word) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    to[0] = __uint_as_float(word << 16);
    to[1] = __uint_as_float(word & 0xffff0000u);
  } else {
    asm("{.reg .f16 low, high;\n mov.b32 {low, high}, %2;\n cvt.f32.f16 %0, low;\n cvt.f32.f16 %1, high;}"
        : "=f"(to[0]), "=f"(to[1])
        : "r"(word));
  }
}
template <class T>
__device__ std::uint32_t pack_pair(float low, float high) {
  std::uint32_t word;
  if constexpr (std::is_same_v<T, BFloat16>)
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

// One access of 4, 8 or 16 bytes at an address that is a multiple of them.
template <int words>
__device__ void load_words(std::uint32_t* to, const void* from) {
  if constexpr (words == 1) {
    to[0] = *static_cast<const std::uint32_t*>(from);
  } else if constexpr (words == 2) {
    const uint2 both = *static_cast<const uint2*>(from);
    to[0] = both.x, to[1] = both.y;
  } else {
    static_assert(words == 4);
    const uint4 all = *static_cast<const uint4*>(from);
    to[0] = all.x, to[1] = all.y, to[2] = all.z, to[3] = all.w;
  }
}
template <int words>
__device__ void store_words(void* to, const std::uint32_t* from) {
  if constexpr (words == 1) {
    *static_cast<std::uint32_t*>(to) = from[0];
  } else if constexpr (words == 2) {
    *static_cast<uint2*>(to) = make_uint2(from[0], from[1]);
  } else {
    static_assert(words == 4);
    *static_cast<uint4*>(to) = make_uint4(from[0], from[1], from[2], from[3]);
  }
}

}  // namespace trireme::cuda
