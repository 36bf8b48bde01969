#include "runtime/device/cuda/cuda_device.h"
#include "tests/runtime/cuda_device/subject.h"

namespace trireme::test {

std::unique_ptr<Device> make_subject() {
  return cuda::make_cuda_device(0);
}

}  // namespace trireme::test
