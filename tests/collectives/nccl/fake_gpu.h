// A GPU that is the host, as far as groups over NCCL can tell.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/inline_stream.h"
#include "runtime/device/timeline.h"

namespace trireme::test {

class FakeGpu : public cuda::CudaDevice {
 public:
  int index() const noexcept override { return 0; }
  std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) override {
    return host_->allocate(bytes, kind);
  }
  std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) override {
    return host_->adopt(std::move(owned_elsewhere), kind);
  }
  MemoryReport memory() const override { return host_->memory(); }
  void reset_peak() override { host_->reset_peak(); }
  Stream& compute() override { return compute_; }
  Stream& communication() override { return host_->communication(); }
  void copy_from_host(std::byte* device, const void* host, std::int64_t bytes) override {
    host_->copy_from_host(device, host, bytes);
  }
  void copy_to_host(void* host, const std::byte* device, std::int64_t bytes) override {
    host_->copy_to_host(host, device, bytes);
  }
  void copy_from_host_on(Stream&, std::byte* device, const void* host, std::int64_t bytes) override {
    copy_from_host(device, host, bytes);
  }
  void copy_to_host_on(Stream&, void* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host(host, device, bytes);
  }
  std::shared_ptr<Storage> allocate_host(std::int64_t bytes) override { return host_->allocate_host(bytes); }
  void copy_to_host_later(std::byte* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host(host, device, bytes);
  }
  void copy_from_host_later(std::byte* device, const std::byte* host, std::int64_t bytes) override {
    copy_from_host(device, host, bytes);
  }
  std::unique_ptr<Replay> capture(const std::function<void()>& work) override {
    capturing_ = true;
    work();
    capturing_ = false;
    return nullptr;
  }
  std::unique_ptr<Timeline> make_timeline() override { return make_host_timeline(*this); }

  void make_current() const override {}
  cudaStream_t native_compute() const noexcept override { return nullptr; }
  cudaStream_t native_communication() const noexcept override { return nullptr; }
  const cudaDeviceProp& properties() const noexcept override { return properties_; }
  cuda::Scratch scratch(std::int64_t bytes) override { return cuda::Scratch(allocate(bytes, MemoryKind::workspace)); }
  bool capturing() const noexcept override { return capturing_; }
  void used_on_communication(const void* data) override { lent.push_back(data); }
  std::shared_ptr<void> watch(std::function<void(double)> look) override {
    const auto place = looks_.insert(looks_.end(), std::move(look));
    return {nullptr, [this, place](void*) { looks_.erase(place); }};
  }

  // What a wait of the host does now and then.
  void look(double waited) {
    for (const auto& look : looks_) look(waited);
  }
  std::vector<const void*> lent;  // memory that the communication stream uses

 private:
  std::unique_ptr<Device> host_ = make_cpu_device();
  InlineStream compute_;
  cudaDeviceProp properties_{};
  bool capturing_ = false;
  std::list<std::function<void(double)>> looks_;
};

}  // namespace trireme::test
