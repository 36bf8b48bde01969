// A device without memory: allocations are counted by the rule of the real ones, nothing is stored or computed.
#pragma once

#include <memory>

#include "runtime/device/device.h"

namespace trireme {

std::unique_ptr<Device> make_dry_device();

}  // namespace trireme
