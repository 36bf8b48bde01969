// Functions that waits of the host call now and then: how a wait for the device ends when the work cannot.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace trireme::cuda {

class Watches : public std::enable_shared_from_this<Watches> {
 public:
  // Until the returned thing is gone.
  std::shared_ptr<void> add(std::function<void(double)> look) {
    const std::lock_guard lock(mutex_);
    looks_.push_back(std::move(look));
    const auto place = std::prev(looks_.end());
    return {nullptr, [self = shared_from_this(), place](void*) {
              const std::lock_guard inner(self->mutex_);
              self->looks_.erase(place);
            }};
  }
  // One caller at a time; others go on waiting.
  void look(double waited) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    for (const auto& one : looks_) one(waited);
  }

 private:
  std::mutex mutex_;
  std::list<std::function<void(double)>> looks_;
};

}  // namespace trireme::cuda
