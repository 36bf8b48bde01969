// A device and the kernels that compute on it, chosen together by one name.
#pragma once

#include <memory>
#include <string_view>

#include "runtime/device/device.h"
#include "runtime/kernels/kernels.h"

namespace trireme {

struct Backend {
  std::unique_ptr<Device> device;
  std::unique_ptr<Kernels> kernels;
};

// "cpu"; "reference" (the cpu device with the kernels that define what is right: slow); "dry" (shapes, bytes and FLOPs
// without data). `threads` is the number of threads that kernels may use, 0 for every core this process may run on;
// reference and dry use the calling thread alone. Throws Error for another name or a negative count.
Backend make_backend(std::string_view name, int threads);

// Cores this process may run on: a container or a launcher may have bound it to some of the machine's.
int usable_cores();

}  // namespace trireme
