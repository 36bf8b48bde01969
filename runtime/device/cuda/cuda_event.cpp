#include "runtime/device/cuda/cuda_event.h"

#include <chrono>
#include <thread>
#include <utility>

#include "runtime/device/cuda/check.h"

namespace trireme::cuda {

EventCache::~EventCache() {
  for (cudaEvent_t event : unused_) cudaEventDestroy(event);
}

cudaEvent_t EventCache::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!unused_.empty()) {
      cudaEvent_t event = unused_.back();
      unused_.pop_back();
      return event;
    }
  }
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  return event;
}

void EventCache::give_back(cudaEvent_t event) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    unused_.push_back(event);
  } catch (...) {  // no room to keep it
    cudaEventDestroy(event);
  }
}

void wait_on_host(cudaEvent_t event, const std::function<void(double)>& watch) {
  using clock = std::chrono::steady_clock;
  constexpr auto patience = std::chrono::microseconds(200);  // looking without a pause: most waits are shorter
  constexpr auto pause = std::chrono::microseconds(50);
  constexpr auto between_watches = std::chrono::milliseconds(5);
  const auto begin = clock::now();
  auto watched = begin;
  for (;;) {
    const cudaError_t status = cudaEventQuery(event);
    if (status == cudaSuccess) return;
    if (status != cudaErrorNotReady) check(status, "waiting for work on the device");
    const auto now = clock::now();
    if (now - begin < patience) {
      std::this_thread::yield();
      continue;
    }
    std::this_thread::sleep_for(pause);
    if (watch && now - watched > between_watches) {
      watch(std::chrono::duration<double>(now - begin).count());
      watched = now;
    }
  }
}

EventState::EventState(std::shared_ptr<EventCache> cache, std::shared_ptr<const std::function<void(double)>> watch)
    : cache_(std::move(cache)), watch_(std::move(watch)), event_(cache_->take()) {}

EventState::~EventState() {
  cache_->give_back(event_);
}

void EventState::record(cudaStream_t stream) {
  check(cudaEventRecord(event_, stream), "cudaEventRecord");
}

bool EventState::reached() const {
  if (!recorded_.reached()) return false;
  const cudaError_t status = cudaEventQuery(event_);
  if (status == cudaErrorNotReady) return false;
  check(status, "cudaEventQuery");
  return true;
}

void EventState::wait() {
  wait_on_host(native(), *watch_);
}

}  // namespace trireme::cuda
