// Kernels for NVIDIA GPUs: matrix products by cuBLASLt, attention by cuDNN, everything else by kernels of our own. All
// are enqueued on the device's compute stream; none waits.
#pragma once

#include <memory>
#include <string>

#include "runtime/device/device.h"
#include "runtime/kernels/kernels.h"

namespace trireme {

// For a device made by this plugin; it must outlive the kernels. `cache` as in make_backend().
std::unique_ptr<Kernels> make_cuda_kernels(Device& device, const std::string& cache);

}  // namespace trireme
