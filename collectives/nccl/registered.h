// Device memory that NCCL knows beforehand: it is sent from and received into where it lies.
#pragma once

#include <cstdint>
#include <memory>

#include "collectives/nccl/communicator.h"
#include "runtime/device/device.h"

namespace trireme::nccl {

std::shared_ptr<Storage> make_registered(std::shared_ptr<Communicator> communicator, std::int64_t bytes);

}  // namespace trireme::nccl
