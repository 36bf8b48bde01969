#include "runtime/device/dry/dry_device.h"

#include "runtime/base/error.h"
#include "runtime/device/host_storage.h"
#include "runtime/device/inline_stream.h"
#include "runtime/device/ledger.h"
#include "runtime/device/timeline.h"

namespace trireme {
namespace {

class DryStorage : public Storage {
 public:
  DryStorage(std::shared_ptr<MemoryLedger> ledger, std::int64_t bytes, MemoryKind kind)
      : Storage(nullptr, bytes), ledger_(std::move(ledger)), kind_(kind) {
    ledger_->add(rounded(bytes), kind_);
  }
  ~DryStorage() override { ledger_->remove(rounded(bytes()), kind_); }

 private:
  std::shared_ptr<MemoryLedger> ledger_;
  MemoryKind kind_;
};

class DryDevice : public Device {
 public:
  DeviceType type() const noexcept override { return DeviceType::dry; }
  int index() const noexcept override { return 0; }

  std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) override {
    require(bytes >= 0, "dry memory", "expected a size of zero or more, found", bytes);
    return std::make_shared<DryStorage>(ledger_, bytes, kind);
  }
  std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) override {
    return std::make_shared<AdoptedStorage>(std::move(owned_elsewhere), ledger_, kind);
  }
  MemoryReport memory() const override { return ledger_->report(); }
  void reset_peak() override { ledger_->reset_peak(); }

  Stream& compute() override { return stream_; }
  Stream& communication() override { return stream_; }

  void copy_from_host(std::byte*, const void*, std::int64_t) override {}
  void copy_to_host(void*, const std::byte*, std::int64_t) override {}

  void copy_from_host_on(Stream&, std::byte*, const void*, std::int64_t) override {}
  void copy_to_host_on(Stream&, void*, const std::byte*, std::int64_t) override {}

  std::shared_ptr<Storage> allocate_host(std::int64_t bytes) override { return make_host_storage(bytes); }
  void copy_to_host_later(std::byte*, const std::byte*, std::int64_t) override {}
  void copy_from_host_later(std::byte*, const std::byte*, std::int64_t) override {}
  std::unique_ptr<Replay> capture(const std::function<void()>&) override { fail("dry", "this device cannot capture"); }
  std::unique_ptr<Timeline> make_timeline() override { return make_host_timeline(*this); }

 private:
  std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>();
  InlineStream stream_;
};

}  // namespace

std::unique_ptr<Device> make_dry_device() {
  return std::make_unique<DryDevice>();
}

}  // namespace trireme
