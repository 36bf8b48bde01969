// The streams, events and captures of the fake runtime.
#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace trireme::test::fake {

using Work = std::function<void()>;
using Clock = std::chrono::steady_clock;

// What a capture notes, and which streams are part of it: a stream that joined must have been waited for since its last
// work when the capture ends.
struct Capture {
  CUstream_st* origin = nullptr;
  std::vector<Work> work;
  std::map<CUstream_st*, int> joined;   // work noted on each stream
  std::map<CUstream_st*, int> awaited;  // of that, how much the origin has waited for
};

// One record of an event.
struct Mark {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false;
  Clock::time_point time;

  void reach() {
    const std::lock_guard lock(mutex);
    reached = true;
    time = Clock::now();
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return reached; });
  }
};

}  // namespace trireme::test::fake

struct CUevent_st {
  std::shared_ptr<trireme::test::fake::Mark> mark;        // null: never recorded
  std::shared_ptr<trireme::test::fake::Capture> capture;  // recorded in this one
  CUstream_st* stream = nullptr;
  int noted = 0;  // work of the stream in the capture, when it was recorded
};

struct CUstream_st {
  using Work = trireme::test::fake::Work;

  CUstream_st() : thread([this] { serve(); }) {}
  ~CUstream_st() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
    }
    changed.notify_all();
    thread.join();
  }

  // To the queue, or to the capture that the stream is part of.
  void add(Work work) {
    if (capture) {
      capture->work.push_back(std::move(work));
      ++capture->joined[this];
      return;
    }
    {
      const std::lock_guard lock(mutex);
      queue.push_back(std::move(work));
    }
    changed.notify_all();
  }

  std::shared_ptr<trireme::test::fake::Capture> capture;

 private:
  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      Work work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(200));  // late, so that a missing wait shows
      work();
      lock.lock();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Work> queue;
  bool ending = false;
  std::thread thread;
};

struct CUgraph_st {
  std::vector<trireme::test::fake::Work> work;
};
struct CUgraphExec_st {
  std::vector<trireme::test::fake::Work> work;
};
