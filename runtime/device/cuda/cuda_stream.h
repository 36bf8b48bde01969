// A stream of a GPU.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>

#include "runtime/device/cpu/worker_stream.h"
#include "runtime/device/cuda/cuda_event.h"
#include "runtime/device/device.h"

namespace trireme::cuda {

// Calls are enqueued at once, by the calling thread. The first call of run_blocking() puts a thread behind the stream
// where it has leave to (`threaded`): from then on calls are queued for that thread, so that their order holds and the
// caller goes on. A stream without such leave makes the caller wait instead.
class CudaStream : public Stream {
 public:
  struct Parts {
    int device = 0;
    bool threaded = false;
    int priority = 0;  // as cudaStreamCreateWithPriority: lower is sooner
    std::shared_ptr<EventCache> events;
    std::shared_ptr<const std::function<void(double)>> watch;  // called by waits of the host; may throw
  };
  explicit CudaStream(Parts parts);
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  ~CudaStream() override;

  void run(std::function<void()> work) override;
  void run_blocking(std::function<void()> work) override;
  Event record() override;
  void wait(const Event& event) override;
  void synchronize() override;

  cudaStream_t native() const noexcept { return stream_; }
  // For work of run_blocking(): waits on the host for what is enqueued on the native stream.
  void drain();
  // What is enqueued on the native stream from here on starts after `event`, whatever the thread behind the stream
  // does.
  void wait_now(const Event& event);

 private:
  Parts parts_;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<WorkerStream> worker_;  // null: calls are enqueued at once
};

}  // namespace trireme::cuda
