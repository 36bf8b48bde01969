// What is said when a device's memory is not enough.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/device/device.h"

namespace trireme {

struct MemoryShortage {
  std::int64_t bytes = 0;  // asked for
  std::string purpose;     // the name of a MemoryKind, or "scratch of a kernel"
  std::string device;      // "device 0 (NVIDIA H200)"
  std::int64_t free = 0;   // on the device, for anybody
  std::int64_t total = 0;
  MemoryReport tensors;       // what this process holds, by kind
  std::int64_t scratch = 0;   // of kernels that run
  std::int64_t reserved = 0;  // for captured work, while it does not run
  std::int64_t unused = 0;    // cached, in pieces that were too small
};

// One line: what was asked for, who holds what, what there is, and the settings of a job that help, those first that
// help most.
std::string describe(const MemoryShortage& shortage);

}  // namespace trireme
