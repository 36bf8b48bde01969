#include "runtime/kernels/backend.h"

#include <memory>

#include "runtime/base/error.h"
#include "runtime/base/host.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cuda_plugin.h"
#include "runtime/device/dry/dry_device.h"
#include "runtime/kernels/cpu/cpu_kernels.h"
#include "runtime/kernels/dry/dry_kernels.h"
#include "runtime/kernels/reference/reference_kernels.h"

namespace trireme {
namespace {

Backend make_cuda_backend(int index, const std::string& cache) {
  const CudaPlugin plugin = CudaPlugin::load();
  Backend backend{plugin.make_device(index), nullptr};
  using Make = Kernels*(Device&, const std::string& cache);
  backend.kernels.reset(plugin.function<Make>("trireme_cuda_make_kernels")(*backend.device, cache));
  return backend;
}

}  // namespace

Backend make_backend(std::string_view name, int threads, int index, const std::string& cache) {
  require(threads >= 0, "backend", "expected zero or more threads, found", threads);
  if (name == "cpu") return {make_cpu_device(), make_cpu_kernels(threads > 0 ? threads : usable_cores())};
  if (name == "reference") return {make_cpu_device(), make_reference_kernels()};
  if (name == "dry") return {make_dry_device(), std::make_unique<DryKernels>()};
  if (name == "cuda") return make_cuda_backend(index, cache);
  fail("backend", "expected cpu, cuda, reference or dry, found", name);
}

}  // namespace trireme
