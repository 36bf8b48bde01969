// The memory accounting that cpu and dry devices share, so that they agree to the byte.
#pragma once

#include <cstdint>
#include <mutex>

#include "runtime/base/error.h"
#include "runtime/device/device.h"

namespace trireme {

class MemoryLedger {
 public:
  void add(std::int64_t bytes, MemoryKind kind) {
    std::lock_guard lock(mutex_);
    constexpr std::int64_t most = std::int64_t{1} << 62;
    if (bytes > most - report_.live)
      fail("memory", "expected less than", most, "bytes in all, found", bytes, "more than", report_.live);
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
  // Counts what comes and goes again at once: work that is done without asking for its memory anew.
  void pass(const std::array<std::int64_t, memory_kinds>& by_kind) {
    std::lock_guard lock(mutex_);
    MemoryReport during = report_;
    for (std::size_t kind = 0; kind < by_kind.size(); ++kind) {
      during.live += by_kind[kind];
      during.live_by_kind[kind] += by_kind[kind];
    }
    if (during.live <= report_.peak) return;
    report_.peak = during.live;
    report_.at_peak_by_kind = during.live_by_kind;
  }
  // The peak of `earlier`, where that was larger.
  void recall_peak(const MemoryReport& earlier) {
    std::lock_guard lock(mutex_);
    if (earlier.peak <= report_.peak) return;
    report_.peak = earlier.peak;
    report_.at_peak_by_kind = earlier.at_peak_by_kind;
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
