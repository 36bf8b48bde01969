// One GPU: streams, stream-ordered memory, page-locked host memory, captured work.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/device/device.h"

namespace trireme::cuda {

// Device memory on loan for the calls enqueued next, back when it goes out of scope: what is enqueued later on the
// compute stream may have it then. Not in the device's report, as a dry run cannot know it.
class Scratch {
 public:
  explicit Scratch(std::shared_ptr<Storage> storage) : storage_(std::move(storage)) {}
  std::byte* data() const noexcept { return storage_->data(); }
  std::int64_t bytes() const noexcept { return storage_->bytes(); }
  const std::shared_ptr<Storage>& storage() const noexcept { return storage_; }
  template <class T>
  T* as() const noexcept {
    return reinterpret_cast<T*>(storage_->data());
  }

 private:
  std::shared_ptr<Storage> storage_;
};

// What kernels and groups of this plugin know of their device beyond the seam.
class CudaDevice : public Device {
 public:
  DeviceType type() const noexcept override { return DeviceType::cuda; }

  // Makes this device the calling thread's current one; what enqueues from a thread of its own calls it first.
  virtual void make_current() const = 0;
  virtual cudaStream_t native_compute() const noexcept = 0;
  virtual cudaStream_t native_communication() const noexcept = 0;
  virtual const cudaDeviceProp& properties() const noexcept = 0;
  // Aligned to 256 bytes, ordered with the compute stream; may be taken while work is captured.
  virtual Scratch scratch(std::int64_t bytes) = 0;
  // Whether capture() is under way: nothing may wait on the host then, and timings mean nothing.
  virtual bool capturing() const noexcept = 0;

  // Work that is about to be enqueued on the communication stream uses the memory around `data`: it begins after those
  // who had that memory before, and nobody else gets it before it is done.
  virtual void used_on_communication(const void* data) = 0;
  // Calls look(seconds waited) now and then while the host waits for this device, as long as the returned thing lives.
  // What it throws ends the wait.
  virtual std::shared_ptr<void> watch(std::function<void(double)> look) = 0;
};

// Throws Error where there is no device of that index, or one that this backend has no code for.
std::unique_ptr<CudaDevice> make_cuda_device(int index);

}  // namespace trireme::cuda
