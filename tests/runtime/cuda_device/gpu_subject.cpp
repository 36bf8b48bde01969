#include "runtime/device/cuda_plugin.h"
#include "tests/runtime/cuda_device/subject.h"

namespace trireme::test {

std::unique_ptr<Device> make_subject() {
  return CudaPlugin::load().make_device(0);
}

}  // namespace trireme::test
