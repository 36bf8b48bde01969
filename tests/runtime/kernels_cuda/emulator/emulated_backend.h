// The CUDA kernels over host memory, run by the emulator and captured by it too, with emulated_libraries.cpp in the
// place of cuBLASLt and cuDNN.
#pragma once

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/backend.h"

namespace trireme::test {

// What the library of matrix products does in one kernel: any of its epilogues, or none.
enum class Epilogues : std::uint8_t { all, none };

Backend make_emulated_backend(Epilogues epilogues);
// Of a device of make_emulated_backend().
Epilogues epilogues_of(const cuda::CudaDevice& device);
// What it has captured so far, and what it is said to be: compute capability 9.0 at first.
int captures_of(const Device& device);
void set_capability(Device& device, int major, int minor);

}  // namespace trireme::test
