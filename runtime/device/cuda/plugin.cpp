// What CudaPlugin looks up: the checksum of the headers, the count of devices, the maker of a device.
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/seam_checksum.h"

extern "C" {

extern const std::int64_t trireme_cuda_seam;
const std::int64_t trireme_cuda_seam = trireme::seam_checksum;

// The devices of this host; where there are none, 0 and the reason in `why`.
int trireme_cuda_devices(char* why, int capacity) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  const char* reason = status == cudaSuccess ? "the driver has no device" : cudaGetErrorString(status);
  std::strncpy(why, reason, static_cast<std::size_t>(capacity - 1));
  return 0;
}

trireme::Device* trireme_cuda_make_device(int index) {
  return trireme::cuda::make_cuda_device(index).release();
}
}
