// Shared memory beyond the 48 KiB that a kernel may have by itself. Found in the include folder that the build chooses.
#pragma once

#include "machine.h"

namespace trireme::cuda {

// The shared memory of the block, as launch_with_memory() was told.
template <class Memory>
__device__ Memory& shared_memory() {
  extern __shared__ float4 dynamic_memory[];
  static_assert(alignof(Memory) <= alignof(float4));
  return *reinterpret_cast<Memory*>(dynamic_memory);
}

// Enqueues kernel(arguments...) with a Memory per block.
template <class Memory, class... Parameters>
void launch_with_memory(cudaStream_t stream, Grid grid, void (*kernel)(Parameters...),
                        std::type_identity_t<Parameters>... arguments) {
  void* addresses[] = {&arguments...};
  const void* function = reinterpret_cast<const void*>(kernel);
  check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Memory)),
        "cudaFuncSetAttribute");
  check(cudaLaunchKernel(function, dim3(static_cast<unsigned>(grid.blocks)), dim3(static_cast<unsigned>(grid.threads)),
                         addresses, sizeof(Memory), stream),
        "cudaLaunchKernel");
}

}  // namespace trireme::cuda
