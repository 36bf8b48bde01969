// A processor in a GPU's place: what the CUDA kernels' sources use of CUDA, so that a host compiler builds them and
// tests run them where there is no GPU. Blocks run one after the other; the threads of a block are fibers (emulator.h).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __launch_bounds__(...)

namespace trireme::test {
void enqueue(std::function<void()> work);  // emulator.h
}

struct CUstream_st;
using cudaStream_t = CUstream_st*;
enum cudaError_t { cudaSuccess = 0 };
enum cudaMemcpyKind { cudaMemcpyDeviceToDevice = 3 };
struct cudaDeviceProp {
  const char* name = "emulated GPU";
  int multiProcessorCount = 0;
  int major = 9, minor = 0;
};

inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
inline cudaError_t cudaPeekAtLastError() {
  return cudaSuccess;
}
inline const char* cudaGetErrorString(cudaError_t) {
  return "no error";
}
inline const char* cudaGetErrorName(cudaError_t) {
  return "cudaSuccess";
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t) {
  trireme::test::enqueue([=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  trireme::test::enqueue([=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}

struct Index3 {
  unsigned x = 0, y = 0, z = 0;
};
inline Index3 threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();
void __syncwarp(unsigned mask = 0xffffffffu);

namespace trireme::test {
// Gives `value` to the lanes of the warp and takes that of lane `from`.
void exchange_lanes(unsigned mask, void* value, std::size_t bytes, unsigned from);
unsigned lane();
}  // namespace trireme::test

template <class V>
V __shfl_xor_sync(unsigned mask, V value, int step) {
  static_assert(std::is_same_v<V, float> || std::is_same_v<V, double> || std::is_same_v<V, int>);
  trireme::test::exchange_lanes(mask, &value, sizeof value, trireme::test::lane() ^ static_cast<unsigned>(step));
  return value;
}
