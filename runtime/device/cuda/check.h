// The status of a CUDA call as an Error.
#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "runtime/base/error.h"

namespace trireme::cuda {

// Throws Error "[cuda] cudaMemcpyAsync: an illegal memory access was encountered (cudaErrorIllegalAddress)" unless
// `status` is success. `called` is what was called, as the reader of a log would look for it. Errors of kernels appear
// at a later call; after them the device is unusable for this process.
inline void check(cudaError_t status, std::string_view called) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // errors that do not last are not reported a second time
  fail("cuda", std::string(called) + ":", cudaGetErrorString(status),
       '(' + std::string(cudaGetErrorName(status)) + ')');
}

// After a kernel launch: was it possible at all?
inline void check_launch(std::string_view kernel) {
  check(cudaPeekAtLastError(), kernel);
}

}  // namespace trireme::cuda
