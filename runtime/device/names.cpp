#include "runtime/device/device.h"

namespace trireme {

std::string_view name_of(DeviceType type) {
  switch (type) {
    case DeviceType::cpu: return "cpu";
    case DeviceType::dry: return "dry";
    case DeviceType::cuda: return "cuda";
  }
  return "unknown device";
}

std::string_view name_of(MemoryKind kind) {
  switch (kind) {
    case MemoryKind::weights: return "weights";
    case MemoryKind::gradients: return "gradients";
    case MemoryKind::optimizer: return "optimizer";
    case MemoryKind::activations: return "activations";
    case MemoryKind::workspace: return "workspace";
  }
  return "unknown kind";
}

}  // namespace trireme
