// Ordinary host memory as storage.
#pragma once

#include <vector>

#include "runtime/device/device.h"

namespace trireme {

class HostStorage : public Storage {
 public:
  explicit HostStorage(std::vector<std::byte> bytes)
      : Storage(bytes.data(), static_cast<std::int64_t>(bytes.size())), bytes_(std::move(bytes)) {}

 private:
  std::vector<std::byte> bytes_;
};

inline std::shared_ptr<Storage> make_host_storage(std::int64_t bytes) {
  return std::make_shared<HostStorage>(std::vector<std::byte>(static_cast<std::size_t>(bytes)));
}

}  // namespace trireme
