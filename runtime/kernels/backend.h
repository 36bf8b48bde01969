// A device and the kernels that compute on it, chosen together by one name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/device/device.h"
#include "runtime/kernels/kernels.h"

namespace trireme {

struct Backend {
  std::unique_ptr<Device> device;
  std::unique_ptr<Kernels> kernels;
};

// "cpu"; "cuda" (device `index` of this host); "reference" (the cpu device with the kernels that define what is right:
// slow); "dry" (shapes, bytes and FLOPs without data). `threads` is the number of threads that kernels may use, 0 for
// every core this process may run on; all but cpu use the calling thread alone. Throws Error for another name, a
// negative count, and where a cuda device cannot be had (runtime/device/cuda_plugin.h). `cache` is a folder where cuda
// kernels keep what they found out by timing, for later runs; it need not exist, and empty means to keep nothing.
Backend make_backend(std::string_view name, int threads, int index = 0, const std::string& cache = {});

}  // namespace trireme
