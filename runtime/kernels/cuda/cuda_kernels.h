// Kernels for NVIDIA GPUs: matrix products by cuBLASLt, attention by cuDNN, everything else by kernels of our own. All
// are enqueued on the device's compute stream; none waits.
#pragma once

#include <memory>

#include "runtime/device/device.h"
#include "runtime/kernels/kernels.h"

namespace trireme {

// For a device made by this plugin; it must outlive the kernels.
std::unique_ptr<Kernels> make_cuda_kernels(Device& device);

}  // namespace trireme
