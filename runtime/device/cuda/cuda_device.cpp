#include "runtime/device/cuda/cuda_device.h"

#include <atomic>
#include <string>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/device/cuda/check.h"
#include "runtime/device/cuda/cuda_timeline.h"
#include "runtime/device/cuda/memory.h"
#include "runtime/device/cuda/profiler_ranges.h"
#include "runtime/device/cuda/replay.h"
#include "runtime/device/cuda/watches.h"

namespace trireme::cuda {
namespace {

constexpr int least_capability = 8;  // Ampere: bf16 and asynchronous copies

bool is_page_locked(const void* host) {
  cudaPointerAttributes attributes{};
  check(cudaPointerGetAttributes(&attributes, host), "cudaPointerGetAttributes");
  return attributes.type == cudaMemoryTypeHost;
}

// Only whole pages can be locked: the pages that lie within are. What cannot be locked is copied slower, not wrongly.
std::shared_ptr<void> pin_pages(std::byte* host, std::int64_t bytes) {
  constexpr std::uintptr_t page = 4096;
  const auto begin = (reinterpret_cast<std::uintptr_t>(host) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(host) + static_cast<std::uintptr_t>(bytes)) / page * page;
  auto* first = reinterpret_cast<void*>(begin);
  if (end <= begin || cudaHostRegister(first, end - begin, cudaHostRegisterPortable) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  return {first, [](void* pages) { cudaHostUnregister(pages); }};
}

class Gpu : public CudaDevice {
 public:
  Gpu(std::shared_ptr<Memory> memory, std::shared_ptr<Watches> watches, const cudaDeviceProp& properties)
      : memory_(std::move(memory)),
        watches_(std::move(watches)),
        properties_(properties),
        ranges_(with_profiler_ranges(memory_->compute, nullptr)) {
    set_standing_timeline(ranges_.get());
  }

  int index() const noexcept override { return memory_->device; }

  std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) override {
    return std::make_shared<CudaStorage>(memory_, bytes, kind);
  }
  std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) override {
    return std::make_shared<AdoptedStorage>(std::move(owned_elsewhere), ledger(), kind);
  }
  MemoryReport memory() const override { return memory_->ledger.report(); }
  void reset_peak() override { memory_->ledger.reset_peak(); }

  Stream& compute() override { return memory_->compute; }
  Stream& communication() override { return memory_->communication; }

  void copy_from_host(std::byte* device, const void* host, std::int64_t bytes) override {
    if (bytes == 0) return;
    refuse_capture("copying from the host");
    // CUDA has put pageable memory aside when the call returns, but not page-locked memory.
    copy(memory_->compute, device, host, bytes, cudaMemcpyHostToDevice);
    if (is_page_locked(host)) memory_->compute.drain();
  }
  void copy_to_host(void* host, const std::byte* device, std::int64_t bytes) override {
    copy_to_host_on(memory_->compute, host, device, bytes);
  }
  void copy_from_host_on(Stream& stream, std::byte* device, const void* host, std::int64_t bytes) override {
    if (bytes == 0) return;
    refuse_capture("copying from the host");
    auto& native = static_cast<CudaStream&>(stream);
    if (&native == &memory_->communication) memory_->used_on_communication(device);
    copy(native, device, host, bytes, cudaMemcpyHostToDevice);
    native.drain();
  }
  void copy_to_host_on(Stream& stream, void* host, const std::byte* device, std::int64_t bytes) override {
    refuse_capture("copying to the host");
    auto& native = static_cast<CudaStream&>(stream);
    native.drain();  // under the watches' eyes; what follows takes no longer than the bytes need
    if (bytes == 0) return;
    if (&native == &memory_->communication) memory_->used_on_communication(device);
    copy(native, host, device, bytes, cudaMemcpyDeviceToHost);
    check(cudaStreamSynchronize(native.native()), "copying to the host");
  }

  std::shared_ptr<Storage> allocate_host(std::int64_t bytes) override {
    return std::make_shared<PinnedStorage>(memory_, bytes);
  }
  void copy_to_host_later(std::byte* host, const std::byte* device, std::int64_t bytes) override {
    if (bytes > 0) copy(memory_->compute, host, device, bytes, cudaMemcpyDeviceToHost);
  }
  void copy_from_host_later(std::byte* device, const std::byte* host, std::int64_t bytes) override {
    if (bytes > 0) copy(memory_->compute, device, host, bytes, cudaMemcpyHostToDevice);
  }

  std::shared_ptr<void> pin(std::byte* host, std::int64_t bytes) override { return pin_pages(host, bytes); }

  bool can_capture() const noexcept override { return true; }
  std::unique_ptr<Replay> capture(const std::function<void()>& work) override {
    require(!capturing_, "cuda", "expected one capture at a time, found a second");
    capturing_ = true;
    const std::shared_ptr<void> done(nullptr, [this](void*) { capturing_ = false; });
    return cuda::capture(memory_, work);
  }
  std::unique_ptr<Timeline> make_timeline() override {
    return with_profiler_ranges(memory_->compute, make_cuda_timeline(memory_));
  }

  void make_current() const override { check(cudaSetDevice(memory_->device), "cudaSetDevice"); }
  cudaStream_t native_compute() const noexcept override { return memory_->compute.native(); }
  cudaStream_t native_communication() const noexcept override { return memory_->communication.native(); }
  const cudaDeviceProp& properties() const noexcept override { return properties_; }
  Scratch scratch(std::int64_t bytes) override { return Scratch(std::make_shared<ScratchStorage>(memory_, bytes)); }
  bool capturing() const noexcept override { return capturing_; }
  void used_on_communication(const void* data) override { memory_->used_on_communication(data); }
  std::shared_ptr<void> watch(std::function<void(double)> look) override { return watches_->add(std::move(look)); }

 private:
  std::shared_ptr<MemoryLedger> ledger() const { return {memory_, &memory_->ledger}; }
  void refuse_capture(std::string_view what) const {
    if (capturing_) fail("cuda", what, "waits on the host, and a captured step may not");
  }
  static void copy(CudaStream& stream, void* to, const void* from, std::int64_t bytes, cudaMemcpyKind kind) {
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), kind, stream.native()), "cudaMemcpyAsync");
  }

  std::shared_ptr<Memory> memory_;
  std::shared_ptr<Watches> watches_;
  cudaDeviceProp properties_;
  std::unique_ptr<Timeline> ranges_;
  std::atomic<bool> capturing_{false};
};

}  // namespace

std::unique_ptr<CudaDevice> make_cuda_device(int index) {
  check(cudaSetDevice(index), "cudaSetDevice");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  require(properties.major >= least_capability, "cuda", "expected a GPU of compute capability 8.0 or newer, found",
          std::string(properties.name) + " with",
          std::to_string(properties.major) + '.' + std::to_string(properties.minor));
  int least = 0, greatest = 0;
  check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");

  auto watches = std::make_shared<Watches>();
  const CudaStream::Parts stream{.device = index,
                                 .threaded = false,
                                 .priority = least,
                                 .events = std::make_shared<EventCache>(),
                                 .watch = std::make_shared<const std::function<void(double)>>(
                                     [watches](double waited) { watches->look(waited); })};
  CudaStream::Parts communication = stream;
  communication.threaded = true;
  communication.priority = greatest;  // its kernels are few, and others wait for them
  auto memory = std::make_shared<Memory>(Memory::Parts{
      .device = index, .device_name = properties.name, .compute = stream, .communication = std::move(communication)});
  return std::make_unique<Gpu>(std::move(memory), std::move(watches), properties);
}

}  // namespace trireme::cuda
