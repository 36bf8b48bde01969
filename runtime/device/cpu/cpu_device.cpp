#include "runtime/device/cpu/cpu_device.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/device/cpu/worker_stream.h"
#include "runtime/device/host_storage.h"
#include "runtime/device/inline_stream.h"
#include "runtime/device/ledger.h"
#include "runtime/device/timeline.h"

namespace trireme {
namespace {

constexpr std::int64_t huge_page = 2 << 20;

// Keeps freed blocks for the next request of the same class: a training step repeats its requests, so after the first
// step nothing goes back to the system and no page is touched for the first time.
class BlockCache {
 public:
  ~BlockCache() { release(); }

  // Sizes are rounded up to 1/8 of their power of two, so at most 12.5 % of a block is unused.
  static std::int64_t size_class(std::int64_t bytes) {
    std::int64_t step = 64;
    while (step * 16 <= bytes) step *= 2;
    return (bytes + step - 1) / step * step;
  }

  std::byte* take(std::int64_t size) {
    {
      std::lock_guard lock(mutex_);
      if (auto found = free_.find(size); found != free_.end() && !found->second.empty()) {
        std::byte* block = found->second.back();
        found->second.pop_back();
        return block;
      }
    }
    const std::int64_t alignment = size >= huge_page ? huge_page : 64;
    void* block = nullptr;
    const auto try_once = [&] {
      return ::posix_memalign(&block, static_cast<std::size_t>(alignment), static_cast<std::size_t>(size)) == 0;
    };
    if (!try_once() && (release(), !try_once()))
      fail("cpu memory", "could not allocate", size, "bytes; lower the batch size or use activation recomputation");
    if (size >= huge_page) ::madvise(block, static_cast<std::size_t>(size), MADV_HUGEPAGE);
    return static_cast<std::byte*>(block);
  }
  // Returns every free block to the system.
  void release() {
    std::lock_guard lock(mutex_);
    for (auto& [size, blocks] : free_)
      for (std::byte* block : blocks) std::free(block);
    free_.clear();
  }
  void give_back(std::byte* block, std::int64_t size) {
    std::lock_guard lock(mutex_);
    free_[size].push_back(block);
  }

 private:
  std::mutex mutex_;
  std::map<std::int64_t, std::vector<std::byte*>> free_;
};

class CpuStorage : public Storage {
 public:
  CpuStorage(std::shared_ptr<BlockCache> cache, std::shared_ptr<MemoryLedger> ledger, std::int64_t bytes,
             MemoryKind kind)
      : Storage(cache->take(BlockCache::size_class(bytes)), bytes),
        cache_(std::move(cache)),
        ledger_(std::move(ledger)),
        kind_(kind) {
    ledger_->add(rounded(bytes), kind_);
  }
  ~CpuStorage() override {
    ledger_->remove(rounded(bytes()), kind_);
    cache_->give_back(data(), BlockCache::size_class(bytes()));
  }

 private:
  std::shared_ptr<BlockCache> cache_;
  std::shared_ptr<MemoryLedger> ledger_;
  MemoryKind kind_;
};

class CpuDevice : public Device {
 public:
  DeviceType type() const noexcept override { return DeviceType::cpu; }
  int index() const noexcept override { return 0; }

  std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) override {
    require(bytes >= 0, "cpu memory", "expected a size of zero or more, found", bytes);
    return std::make_shared<CpuStorage>(cache_, ledger_, bytes, kind);
  }
  std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) override {
    return std::make_shared<AdoptedStorage>(std::move(owned_elsewhere), ledger_, kind);
  }
  MemoryReport memory() const override { return ledger_->report(); }
  void reset_peak() override { ledger_->reset_peak(); }

  Stream& compute() override { return compute_; }
  Stream& communication() override { return communication_; }

  void copy_from_host(std::byte* device, const void* host, std::int64_t bytes) override {
    if (bytes > 0) std::memcpy(device, host, static_cast<std::size_t>(bytes));
  }
  void copy_to_host(void* host, const std::byte* device, std::int64_t bytes) override {
    if (bytes > 0) std::memcpy(host, device, static_cast<std::size_t>(bytes));
  }

  void copy_from_host_on(Stream&, std::byte* device, const void* host, std::int64_t bytes) override {
    copy_from_host(device, host, bytes);
  }
  void copy_to_host_on(Stream&, void* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host(host, device, bytes);
  }

  std::shared_ptr<Storage> allocate_host(std::int64_t bytes) override { return make_host_storage(bytes); }
  void copy_to_host_later(std::byte* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host(host, device, bytes);
  }
  void copy_from_host_later(std::byte* device, const std::byte* host, std::int64_t bytes) override {
    copy_from_host(device, host, bytes);
  }
  std::unique_ptr<Replay> capture(const std::function<void()>&) override { fail("cpu", "this device cannot capture"); }
  std::unique_ptr<Timeline> make_timeline() override { return make_host_timeline(*this); }

 private:
  std::shared_ptr<BlockCache> cache_ = std::make_shared<BlockCache>();
  std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>();
  InlineStream compute_;
  WorkerStream communication_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device() {
  return std::make_unique<CpuDevice>();
}

}  // namespace trireme
