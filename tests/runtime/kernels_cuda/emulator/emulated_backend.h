// The CUDA kernels over host memory, run by the emulator, with emulated_libraries.cpp in the place of cuBLASLt and
// cuDNN.
#pragma once

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/backend.h"

namespace trireme::test {

// What the library of matrix products does in one kernel: any of its epilogues, or none.
enum class Epilogues : std::uint8_t { all, none };

Backend make_emulated_backend(Epilogues epilogues);
// Of a device of make_emulated_backend().
Epilogues epilogues_of(const cuda::CudaDevice& device);

}  // namespace trireme::test
