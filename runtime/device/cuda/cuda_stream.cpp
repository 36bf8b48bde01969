#include "runtime/device/cuda/cuda_stream.h"

#include <utility>

#include "runtime/device/cuda/check.h"

namespace trireme::cuda {

CudaStream::CudaStream(Parts parts) : parts_(std::move(parts)) {
  check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, parts_.priority), "cudaStreamCreateWithPriority");
}

CudaStream::~CudaStream() {
  worker_.reset();
  cudaStreamDestroy(stream_);  // what is enqueued is still done
}

void CudaStream::run(std::function<void()> work) {
  if (worker_)
    worker_->run(std::move(work));
  else
    work();
}

void CudaStream::run_blocking(std::function<void()> work) {
  if (parts_.threaded && !worker_) {
    worker_ = std::make_unique<WorkerStream>();
    worker_->run([device = parts_.device] { check(cudaSetDevice(device), "cudaSetDevice"); });
  }
  run(std::move(work));
}

Event CudaStream::record() {
  auto state = std::make_shared<EventState>(parts_.events, parts_.watch);
  if (worker_) {
    // The event lives until it is recorded, but not through its own record of that: no circle.
    worker_->run([state, stream = stream_] { state->record(stream); });
    state->record_later(worker_->record());
  } else {
    state->record(stream_);
  }
  return Event(std::move(state));
}

void CudaStream::wait(const Event& event) {
  if (!event.state()) return;
  if (worker_)
    worker_->run([this, event] { wait_now(event); });
  else
    wait_now(event);
}

void CudaStream::wait_now(const Event& event) {
  if (const auto* ours = dynamic_cast<const EventState*>(event.state().get()))
    check(cudaStreamWaitEvent(stream_, ours->native(), 0), "cudaStreamWaitEvent");
  else
    event.wait();  // of a host's stream
}

void CudaStream::synchronize() {
  if (worker_) worker_->synchronize();
  drain();
}

void CudaStream::drain() {
  EventState here(parts_.events, parts_.watch);
  here.record(stream_);
  here.wait();
}

}  // namespace trireme::cuda
