// A GPU's memory: segments from the driver, blocks of them to tensors and kernels, and the words when there are none.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "runtime/device/block_pool.h"
#include "runtime/device/cuda/cuda_stream.h"
#include "runtime/device/device.h"
#include "runtime/device/ledger.h"

namespace trireme::cuda {

// Segments by cudaMalloc, also while the calling thread captures.
class DriverSegments : public SegmentSource {
 public:
  explicit DriverSegments(int device) : device_(device) {}
  std::byte* take(std::int64_t bytes) override;
  void give_back(std::byte* segment, std::int64_t bytes) noexcept override;

 private:
  int device_;
};

// Shared by a device, its storage and its replays, so that it lives as long as any of them.
struct Memory {
  struct Parts {
    int device = 0;
    std::string device_name;
    CudaStream::Parts compute;
    CudaStream::Parts communication;
  };
  explicit Memory(Parts parts)
      : device(parts.device),
        device_name(std::move(parts.device_name)),
        segments(device),
        compute(std::move(parts.compute)),
        communication(std::move(parts.communication)) {}

  // A block; throws the Error of out_of_memory() where there is none.
  std::byte* take(std::int64_t bytes, std::string_view what);
  // Ready for the next request at once; where the communication stream has used it, work of the compute stream that is
  // enqueued from now on waits for that.
  void give_back(std::byte* block) noexcept;
  // Notes that work which is about to be enqueued on the communication stream uses the block around `data`. Blocks are
  // handed out in the order of the compute stream: at its first use, the communication stream waits for that.
  void used_on_communication(const void* data);

  int device;
  std::string device_name;
  DriverSegments segments;
  BlockPool pool{segments};
  MemoryLedger ledger;
  std::atomic<std::int64_t> scratch{0};  // bytes on loan to kernels
  std::mutex guests_mutex;
  std::set<std::byte*> guests;  // blocks that the communication stream has used
  // Last, so that their work is done before the memory goes.
  CudaStream compute;
  CudaStream communication;

 private:
  [[noreturn]] void out_of_memory(std::int64_t bytes, std::string_view what) const;
};

// Counted storage of a device.
class CudaStorage : public Storage {
 public:
  CudaStorage(std::shared_ptr<Memory> memory, std::int64_t bytes, MemoryKind kind);
  ~CudaStorage() override;

 private:
  std::shared_ptr<Memory> memory_;
  MemoryKind kind_;
};

// For kernels, as they run: not counted.
class ScratchStorage : public Storage {
 public:
  ScratchStorage(std::shared_ptr<Memory> memory, std::int64_t bytes);
  ~ScratchStorage() override;

 private:
  std::shared_ptr<Memory> memory_;
};

// Page-locked host memory, zeroed. It ends when the compute stream has done what was enqueued before.
class PinnedStorage : public Storage {
 public:
  PinnedStorage(std::shared_ptr<Memory> memory, std::int64_t bytes);
  ~PinnedStorage() override;

 private:
  std::shared_ptr<Memory> memory_;
};

}  // namespace trireme::cuda
