#include "runtime/kernels/backend.h"

#include <memory>

#include "runtime/base/error.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/dry/dry_device.h"
#include "runtime/kernels/dry/dry_kernels.h"
#include "runtime/kernels/reference/reference_kernels.h"

namespace trireme {

Backend make_backend(std::string_view name, int threads) {
  require(threads >= 0, "backend", "expected zero or more threads, found", threads);
  if (name == "cpu") return {make_cpu_device(), make_reference_kernels()};
  if (name == "reference") return {make_cpu_device(), make_reference_kernels()};
  if (name == "dry") return {make_dry_device(), std::make_unique<DryKernels>()};
  fail("backend", "expected cpu, reference or dry, found", name);
}

}  // namespace trireme
