// What CudaPlugin's callers look up: the maker of kernels.
#include "runtime/kernels/cuda/cuda_kernels.h"
#include "runtime/kernels/cuda/dnn/status.h"

extern "C" trireme::Kernels* trireme_cuda_make_kernels(trireme::Device& device, const std::string& cache) {
  trireme::cuda::dnn::check_version();
  return trireme::make_cuda_kernels(device, cache).release();
}
