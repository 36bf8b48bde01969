// A stream whose work runs in a thread of its own, in order.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/device/device.h"

namespace trireme {

// The thread starts with the first work. After work has thrown, later work is dropped and every wait rethrows.
class WorkerStream : public Stream {
 public:
  WorkerStream() = default;
  ~WorkerStream() override;

  void run(std::function<void()> work) override;
  Event record() override;
  void wait(const Event& event) override;
  void synchronize() override;

 private:
  struct Progress;  // shared with events, which may outlive the stream
  void serve();

  std::shared_ptr<Progress> progress_ = make_progress();
  static std::shared_ptr<Progress> make_progress();
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trireme
