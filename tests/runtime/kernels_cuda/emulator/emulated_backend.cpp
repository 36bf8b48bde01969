#include "tests/runtime/kernels_cuda/emulator/emulated_backend.h"

#include "runtime/base/error.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/timeline.h"
#include "runtime/kernels/cuda/cuda_kernels.h"
#include "tests/runtime/kernels_cuda/emulator/emulator.h"

namespace trireme {
namespace test {
namespace {

// What was recorded, and the memory that it works in.
class EmulatedReplay final : public Replay {
 public:
  void launch() override {
    for (const auto& one : work) one();
  }
  std::vector<std::function<void()>> work;
  std::vector<std::shared_ptr<Storage>> memory;
};

// The memory of a cpu device and the properties of a small GPU.
class EmulatedDevice final : public cuda::CudaDevice {
 public:
  explicit EmulatedDevice(Epilogues epilogues) : epilogues_(epilogues) { properties_.multiProcessorCount = 3; }

  Epilogues epilogues() const noexcept { return epilogues_; }
  int captures() const noexcept { return captures_; }
  void set_capability(int major, int minor) { properties_.major = major, properties_.minor = minor; }

  int index() const noexcept override { return 0; }
  std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) override {
    return kept(host_->allocate(bytes, kind));
  }
  std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) override {
    return host_->adopt(std::move(owned_elsewhere), kind);
  }
  MemoryReport memory() const override { return host_->memory(); }
  void reset_peak() override { host_->reset_peak(); }
  Stream& compute() override { return host_->compute(); }
  Stream& communication() override { return host_->communication(); }
  void copy_from_host(std::byte* device, const void* host, std::int64_t bytes) override {
    host_->copy_from_host(device, host, bytes);
  }
  void copy_to_host(void* host, const std::byte* device, std::int64_t bytes) override {
    host_->copy_to_host(host, device, bytes);
  }
  void copy_from_host_on(Stream& stream, std::byte* device, const void* host, std::int64_t bytes) override {
    host_->copy_from_host_on(stream, device, host, bytes);
  }
  void copy_to_host_on(Stream& stream, void* host, const std::byte* device, std::int64_t bytes) override {
    host_->copy_to_host_on(stream, host, device, bytes);
  }
  std::shared_ptr<Storage> allocate_host(std::int64_t bytes) override { return host_->allocate_host(bytes); }
  void copy_to_host_later(std::byte* host, const std::byte* device, std::int64_t bytes) override {
    host_->copy_to_host_later(host, device, bytes);
  }
  void copy_from_host_later(std::byte* device, const std::byte* host, std::int64_t bytes) override {
    host_->copy_from_host_later(device, host, bytes);
  }
  bool can_capture() const noexcept override { return true; }
  std::unique_ptr<Replay> capture(const std::function<void()>& work) override {
    auto replay = std::make_unique<EmulatedReplay>();
    capturing_ = replay.get();
    record_work(&replay->work);
    const std::shared_ptr<void> done(nullptr, [this](void*) {
      record_work(nullptr);
      capturing_ = nullptr;
    });
    work();
    ++captures_;
    return replay;
  }
  std::unique_ptr<Timeline> make_timeline() override { return host_->make_timeline(); }

  void make_current() const override {}
  cudaStream_t native_compute() const noexcept override { return nullptr; }
  cudaStream_t native_communication() const noexcept override { return nullptr; }
  const cudaDeviceProp& properties() const noexcept override { return properties_; }
  // Full of NaN: what a kernel reads before it was written shows.
  cuda::Scratch scratch(std::int64_t bytes) override {
    std::shared_ptr<Storage> storage = host_->allocate(bytes, MemoryKind::workspace);
    if (bytes > 0) cudaMemsetAsync(storage->data(), 0xff, static_cast<std::size_t>(bytes), nullptr);
    return cuda::Scratch(kept(std::move(storage)));
  }
  bool capturing() const noexcept override { return capturing_ != nullptr; }
  void used_on_communication(const void*) override {}
  std::shared_ptr<void> watch(std::function<void(double)>) override { return nullptr; }

 private:
  std::shared_ptr<Storage> kept(std::shared_ptr<Storage> storage) {
    if (capturing_) capturing_->memory.push_back(storage);
    return storage;
  }

  std::unique_ptr<Device> host_ = make_cpu_device();
  cudaDeviceProp properties_;
  Epilogues epilogues_;
  EmulatedReplay* capturing_ = nullptr;
  int captures_ = 0;
};

}  // namespace

Backend make_emulated_backend(Epilogues epilogues) {
  auto device = std::make_unique<EmulatedDevice>(epilogues);
  auto kernels = make_cuda_kernels(*device, {});
  return {std::move(device), std::move(kernels)};
}

Epilogues epilogues_of(const cuda::CudaDevice& device) {
  return static_cast<const EmulatedDevice&>(device).epilogues();
}

int captures_of(const Device& device) {
  return static_cast<const EmulatedDevice&>(device).captures();
}
void set_capability(Device& device, int major, int minor) {
  static_cast<EmulatedDevice&>(device).set_capability(major, minor);
}

}  // namespace test
}  // namespace trireme
