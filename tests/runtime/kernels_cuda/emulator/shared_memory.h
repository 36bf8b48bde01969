// gpu/shared_memory.h for the emulator.
#pragma once

#include <vector>

#include "tests/runtime/kernels_cuda/emulator/machine.h"

// Vectors of four, which CUDA brings along.
struct alignas(16) float4 {
  float x, y, z, w;
};

namespace trireme::cuda {

// Of the block that runs; full of NaN when it starts.
inline std::vector<float4>& block_memory() {
  static std::vector<float4> memory;
  return memory;
}

template <class Memory>
Memory& shared_memory() {
  return *reinterpret_cast<Memory*>(block_memory().data());
}

template <class Memory, class... Parameters>
void launch_with_memory(cudaStream_t stream, Grid grid, void (*kernel)(Parameters...),
                        std::type_identity_t<Parameters>... arguments) {
  static_assert(alignof(Memory) <= alignof(float4) && sizeof(Memory) <= 99 * 1024);  // what every GPU since sm_80 has
  test::enqueue([] {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    block_memory().assign(sizeof(Memory) / sizeof(float4) + 1, float4{nan, nan, nan, nan});
  });
  launch(stream, grid, kernel, arguments...);
}

}  // namespace trireme::cuda
