#include "runtime/device/cpu/worker_stream.h"

#include <cstdint>
#include <utility>

#include "runtime/base/threads.h"

namespace trireme {

struct WorkerStream::Progress {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t submitted = 0;
  std::uint64_t finished = 0;
  std::exception_ptr error;

  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return finished >= count; });
    if (error) std::rethrow_exception(error);
  }
};

namespace {

template <class Progress>
class Reached : public Event::State {
 public:
  Reached(std::shared_ptr<Progress> progress, std::uint64_t count) : progress_(std::move(progress)), count_(count) {}
  bool reached() const override {
    std::lock_guard lock(progress_->mutex);
    return progress_->finished >= count_;
  }
  void wait() override { progress_->wait_for(count_); }

 private:
  std::shared_ptr<Progress> progress_;
  std::uint64_t count_;
};

}  // namespace

std::shared_ptr<WorkerStream::Progress> WorkerStream::make_progress() {
  return std::make_shared<Progress>();
}

WorkerStream::~WorkerStream() {
  {
    std::lock_guard lock(progress_->mutex);
    stopping_ = true;
  }
  progress_->changed.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WorkerStream::run(std::function<void()> work) {
  {
    std::lock_guard lock(progress_->mutex);
    if (!thread_.joinable()) thread_ = start_thread([this] { serve(); });
    queue_.push_back(std::move(work));
    ++progress_->submitted;
  }
  progress_->changed.notify_all();
}

Event WorkerStream::record() {
  std::lock_guard lock(progress_->mutex);
  return Event(std::make_shared<Reached<Progress>>(progress_, progress_->submitted));
}

void WorkerStream::wait(const Event& event) {
  if (!event.reached()) run([event] { event.wait(); });
}

void WorkerStream::synchronize() {
  record().wait();
}

void WorkerStream::serve() {
  std::unique_lock lock(progress_->mutex);
  for (;;) {
    progress_->changed.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto work = std::move(queue_.front());
    queue_.pop_front();
    const bool broken = progress_->error != nullptr;
    lock.unlock();
    std::exception_ptr error;
    if (!broken) {
      try {
        work();
      } catch (...) {
        error = std::current_exception();
      }
    }
    work = nullptr;  // releases what it holds before the event is seen
    lock.lock();
    if (error) progress_->error = error;
    ++progress_->finished;
    progress_->changed.notify_all();
  }
}

}  // namespace trireme
