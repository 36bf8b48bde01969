// Plugins as they should not be, or as they are on another machine; which one, CMake says.
#include <cstdint>
#include <cstring>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/seam_checksum.h"

extern "C" {

extern const std::int64_t trireme_cuda_seam;
const std::int64_t trireme_cuda_seam = trireme::seam_checksum + OTHER_BUILD;

int trireme_cuda_devices(char* why, int capacity) {
  std::strncpy(why, "no CUDA-capable device is detected", static_cast<std::size_t>(capacity - 1));
  return DEVICES;
}

trireme::Device* trireme_cuda_make_device(int) {
  return trireme::make_cpu_device().release();
}
}
