// The memory accounting that cpu and dry devices share, so that they agree to the byte.
#pragma once

#include <cstdint>
#include <mutex>

#include "runtime/device/device.h"

namespace trireme {

class MemoryLedger {
 public:
  void add(std::int64_t bytes, MemoryKind kind) {
    std::lock_guard lock(mutex_);
    report_.live += bytes;
    report_.live_by_kind[static_cast<std::size_t>(kind)] += bytes;
    if (report_.live > report_.peak) {
      report_.peak = report_.live;
      report_.at_peak_by_kind = report_.live_by_kind;
    }
  }
  void remove(std::int64_t bytes, MemoryKind kind) {
    std::lock_guard lock(mutex_);
    report_.live -= bytes;
    report_.live_by_kind[static_cast<std::size_t>(kind)] -= bytes;
  }
  MemoryReport report() const {
    std::lock_guard lock(mutex_);
    return report_;
  }
  void reset_peak() {
    std::lock_guard lock(mutex_);
    report_.peak = report_.live;
    report_.at_peak_by_kind = report_.live_by_kind;
  }

 private:
  mutable std::mutex mutex_;
  MemoryReport report_;
};

// Counts storage that someone else owns, for as long as it lives.
class AdoptedStorage : public Storage {
 public:
  AdoptedStorage(std::shared_ptr<Storage> owner, std::shared_ptr<MemoryLedger> ledger, MemoryKind kind)
      : Storage(owner->data(), owner->bytes()), owner_(std::move(owner)), ledger_(std::move(ledger)), kind_(kind) {
    ledger_->add(rounded(bytes()), kind_);
  }
  ~AdoptedStorage() override { ledger_->remove(rounded(bytes()), kind_); }

 private:
  std::shared_ptr<Storage> owner_;
  std::shared_ptr<MemoryLedger> ledger_;
  MemoryKind kind_;
};

}  // namespace trireme
