// gpu/machine.h for the emulator.
#pragma once

#include "tests/runtime/kernels_cuda/emulator/cuda_runtime.h"

#include <cstdint>
#include <type_traits>

#include "runtime/base/dtype.h"
#include "runtime/device/cuda/check.h"
#include "tests/runtime/kernels_cuda/emulator/emulator.h"

namespace trireme::cuda {

struct Grid {
  std::int64_t blocks;
  int threads;
  std::int64_t blocks_y = 1;
};

template <class... Parameters>
void launch(cudaStream_t, Grid grid, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  test::enqueue([=] { test::emulate({grid.blocks, grid.blocks_y, grid.threads}, [=] { kernel(arguments...); }); });
}

inline float to_float(float x) {
  return x;
}
inline float to_float(BFloat16 x) {
  return static_cast<float>(x);
}
inline float to_float(Float16 x) {
  return static_cast<float>(x);
}

template <class T>
T rounded(float x) {
  return T(x);
}

template <class T>
void unpack_pair(float* to, std::uint32_t word) {
  T pair[2];
  pair[0].bits = static_cast<std::uint16_t>(word);
  pair[1].bits = static_cast<std::uint16_t>(word >> 16);
  to[0] = to_float(pair[0]);
  to[1] = to_float(pair[1]);
}
template <class T>
std::uint32_t pack_pair(float low, float high) {
  return T(low).bits | std::uint32_t{T(high).bits} << 16;
}

// A GPU faults on an access that is not aligned.
inline void expect_aligned(const void* address, int bytes) {
  if (reinterpret_cast<std::uintptr_t>(address) % static_cast<std::uintptr_t>(bytes) != 0)
    fail("emulator", "expected an address that is a multiple of", bytes, "found", address);
}
template <int words>
void load_words(std::uint32_t* to, const void* from) {
  static_assert(words == 1 || words == 2 || words == 4);
  expect_aligned(from, 4 * words);
  std::memcpy(to, from, 4 * words);
}
template <int words>
void store_words(void* to, const std::uint32_t* from) {
  static_assert(words == 1 || words == 2 || words == 4);
  expect_aligned(to, 4 * words);
  std::memcpy(to, from, 4 * words);
}

}  // namespace trireme::cuda
