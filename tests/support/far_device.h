// A device whose memory the host cannot reach but through the device: what touches it otherwise crashes.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/device.h"
#include "runtime/device/timeline.h"

namespace trireme::test {

class FarDevice : public Device {
 public:
  DeviceType type() const noexcept override { return DeviceType::cuda; }
  int index() const noexcept override { return 0; }

  std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) override {
    return std::make_shared<FarStorage>(near_->allocate(bytes, kind));
  }
  std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) override {
    return near_->adopt(std::move(owned_elsewhere), kind);
  }
  MemoryReport memory() const override { return near_->memory(); }
  void reset_peak() override { near_->reset_peak(); }
  Stream& compute() override { return near_->compute(); }
  Stream& communication() override { return near_->communication(); }

  void copy_from_host(std::byte* device, const void* host, std::int64_t bytes) override {
    near_->copy_from_host(moved(device, -distance), host, bytes);
  }
  void copy_to_host(void* host, const std::byte* device, std::int64_t bytes) override {
    near_->copy_to_host(host, moved(const_cast<std::byte*>(device), -distance), bytes);
  }
  void copy_from_host_on(Stream&, std::byte* device, const void* host, std::int64_t bytes) override {
    copy_from_host(device, host, bytes);
  }
  void copy_to_host_on(Stream&, void* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host(host, device, bytes);
  }
  std::shared_ptr<Storage> allocate_host(std::int64_t bytes) override { return near_->allocate_host(bytes); }
  void copy_to_host_later(std::byte* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host(host, device, bytes);
  }
  void copy_from_host_later(std::byte* device, const std::byte* host, std::int64_t bytes) override {
    copy_from_host(device, host, bytes);
  }
  std::unique_ptr<Replay> capture(const std::function<void()>& work) override { return near_->capture(work); }
  std::unique_ptr<Timeline> make_timeline() override { return make_host_timeline(*this); }

 private:
  static constexpr std::int64_t distance = std::int64_t{1} << 58;  // no address of this machine
  static std::byte* moved(std::byte* address, std::int64_t bytes) {
    return reinterpret_cast<std::byte*>(reinterpret_cast<std::intptr_t>(address) + bytes);
  }
  class FarStorage : public Storage {
   public:
    explicit FarStorage(std::shared_ptr<Storage> near)
        : Storage(moved(near->data(), distance), near->bytes()), near_(near) {}

   private:
    std::shared_ptr<Storage> near_;
  };

  std::unique_ptr<Device> near_ = make_cpu_device();
};

}  // namespace trireme::test
