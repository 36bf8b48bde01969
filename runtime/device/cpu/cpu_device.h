// Host memory with a caching allocator; computes in the calling thread, communicates in a thread of its own.
#pragma once

#include <memory>

#include "runtime/device/device.h"

namespace trireme {

std::unique_ptr<Device> make_cpu_device();

}  // namespace trireme
