// CUDA events: kept for reuse, since making one costs as much as a kernel launch.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/device/device.h"

namespace trireme::cuda {

class EventCache {
 public:
  EventCache() = default;
  EventCache(const EventCache&) = delete;
  EventCache& operator=(const EventCache&) = delete;
  ~EventCache();

  cudaEvent_t take();  // without timing
  void give_back(cudaEvent_t event) noexcept;

 private:
  std::mutex mutex_;
  std::vector<cudaEvent_t> unused_;
};

// Waits on the host until `event` is reached, without blocking in CUDA: `watch`, when not empty, is called now and then
// with the seconds waited so far, and may end the wait by throwing.
void wait_on_host(cudaEvent_t event, const std::function<void(double)>& watch);

// What an Event of a cuda stream stands for. One of a stream that a thread serves is not recorded before the thread has
// come to it; until then native() waits for the thread.
class EventState : public Event::State {
 public:
  EventState(std::shared_ptr<EventCache> cache, std::shared_ptr<const std::function<void(double)>> watch);
  ~EventState() override;

  // Records it on `stream` now.
  void record(cudaStream_t stream);
  // Recorded later, by the work that `recorded` stands for.
  void record_later(Event recorded) { recorded_ = std::move(recorded); }

  bool reached() const override;
  void wait() override;
  // The event, once it has been recorded: for other streams to wait on.
  cudaEvent_t native() const {
    recorded_.wait();
    return event_;
  }

 private:
  std::shared_ptr<EventCache> cache_;
  std::shared_ptr<const std::function<void(double)>> watch_;
  cudaEvent_t event_;
  Event recorded_;
};

}  // namespace trireme::cuda
