#include "runtime/device/cuda/memory.h"

#include <cstring>

#include "runtime/base/error.h"
#include "runtime/device/cuda/check.h"
#include "runtime/device/shortage.h"

namespace trireme::cuda {
namespace {

// While a thread captures, CUDA refuses calls that could wait for the device; an allocation does not, and says so here.
class Relaxed {
 public:
  Relaxed() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  Relaxed(const Relaxed&) = delete;
  Relaxed& operator=(const Relaxed&) = delete;
  ~Relaxed() { cudaThreadExchangeStreamCaptureMode(&mode_); }

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

bool is_capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  return cudaStreamIsCapturing(stream, &status) == cudaSuccess && status == cudaStreamCaptureStatusActive;
}

}  // namespace

std::byte* DriverSegments::take(std::int64_t bytes) {
  const Relaxed relaxed;
  check(cudaSetDevice(device_), "cudaSetDevice");
  void* segment = nullptr;
  const cudaError_t status = cudaMalloc(&segment, static_cast<std::size_t>(bytes));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(status, "cudaMalloc");
  return static_cast<std::byte*>(segment);
}

void DriverSegments::give_back(std::byte* segment, std::int64_t) noexcept {
  const Relaxed relaxed;
  cudaFree(segment);  // waits for the device; at the end of a process the driver may be gone, and its memory with it
}

std::byte* Memory::take(std::int64_t bytes, std::string_view what) {
  require(bytes >= 0, "cuda memory", "expected a size of zero or more, found", bytes);
  std::byte* block = pool.take(bytes);
  if (!block) out_of_memory(bytes, what);
  return block;
}

void Memory::give_back(std::byte* block) noexcept {
  bool guest = false;
  {
    const std::lock_guard lock(guests_mutex);
    guest = guests.erase(block) > 0;
  }
  if (guest) {
    try {
      // Where only the compute stream captures, the communication stream was joined before.
      if (!is_capturing(compute.native()) || is_capturing(communication.native())) compute.wait(communication.record());
    } catch (const std::exception&) {  // the device has failed: nothing will run in this memory any more
    }
  }
  pool.give_back(block);
}

void Memory::used_on_communication(const void* data) {
  std::byte* block = pool.block_of(data);
  if (!block) return;
  {
    const std::lock_guard lock(guests_mutex);
    if (!guests.insert(block).second) return;
  }
  communication.wait_now(compute.record());  // for who had the block before
}

void Memory::out_of_memory(std::int64_t bytes, std::string_view what) const {
  std::size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  const MemoryReport tensors = ledger.report();
  const std::int64_t used = pool.used(), reserved = pool.reserved();
  fail("cuda memory", describe(MemoryShortage{.bytes = bytes,
                                              .purpose = std::string(what),
                                              .device = "device " + std::to_string(device) + " (" + device_name + ')',
                                              .free = static_cast<std::int64_t>(free),
                                              .total = static_cast<std::int64_t>(total),
                                              .tensors = tensors,
                                              .scratch = scratch,
                                              .reserved = reserved,
                                              .unused = pool.held() - used - reserved}));
}

CudaStorage::CudaStorage(std::shared_ptr<Memory> memory, std::int64_t bytes, MemoryKind kind)
    : Storage(memory->take(bytes, name_of(kind)), bytes), memory_(std::move(memory)), kind_(kind) {
  memory_->ledger.add(rounded(bytes), kind_);
}

CudaStorage::~CudaStorage() {
  memory_->ledger.remove(rounded(bytes()), kind_);
  memory_->give_back(data());
}

ScratchStorage::ScratchStorage(std::shared_ptr<Memory> memory, std::int64_t bytes)
    : Storage(memory->take(bytes, "scratch of a kernel"), bytes), memory_(std::move(memory)) {
  memory_->scratch += bytes;
}

ScratchStorage::~ScratchStorage() {
  memory_->scratch -= bytes();
  memory_->give_back(data());
}

namespace {

std::byte* take_pinned(std::int64_t bytes) {
  require(bytes >= 0, "cuda memory", "expected a size of zero or more, found", bytes);
  const auto size = static_cast<std::size_t>(rounded(bytes > 0 ? bytes : 1));
  const Relaxed relaxed;
  void* data = nullptr;
  check(cudaHostAlloc(&data, size, cudaHostAllocPortable), "cudaHostAlloc");
  std::memset(data, 0, size);
  return static_cast<std::byte*>(data);
}

}  // namespace

PinnedStorage::PinnedStorage(std::shared_ptr<Memory> memory, std::int64_t bytes)
    : Storage(take_pinned(bytes), bytes), memory_(std::move(memory)) {}

PinnedStorage::~PinnedStorage() {
  try {
    memory_->compute.drain();
  } catch (const std::exception&) {  // the device has failed, or captures: there is nothing to wait for
  }
  const Relaxed relaxed;
  cudaFreeHost(data());
}

}  // namespace trireme::cuda
