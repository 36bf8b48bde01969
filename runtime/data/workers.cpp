#include "runtime/data/workers.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/threads.h"

namespace trireme::data {

struct Workers::Shared {
  std::mutex one_at_a_time;
  std::mutex mutex;
  std::condition_variable changed;
  const std::function<void(std::int64_t)>* work = nullptr;
  std::int64_t count = 0, next = 0, done = 0;
  std::exception_ptr error;
  std::int64_t failed = 0;  // the number whose error it is
  bool ends = false;
  std::vector<std::thread> threads;

  // Takes pieces until none is left. Called and left with the lock held.
  void take_part(std::unique_lock<std::mutex>& lock) {
    while (work && next < count) {
      const std::int64_t number = next++;
      const auto& call = *work;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        call(number);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      if (thrown && (!error || number < failed)) {
        error = thrown;
        failed = number;
      }
      if (++done == count) changed.notify_all();
    }
  }

  void end() noexcept {
    {
      const std::lock_guard lock(mutex);
      ends = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void serve() {
    std::unique_lock lock(mutex);
    while (!ends) {
      take_part(lock);
      changed.wait(lock, [&] { return ends || (work && next < count); });
    }
  }
};

Workers::Workers(int threads) : shared_(std::make_unique<Shared>()) {
  require(threads >= 1, "data", "expected at least one thread that reads, found", threads);
  shared_->threads.reserve(static_cast<std::size_t>(threads));
  try {
    for (int i = 1; i < threads; ++i)
      shared_->threads.push_back(start_thread([shared = shared_.get()] { shared->serve(); }, threads));
  } catch (...) {
    shared_->end();
    throw;
  }
}

Workers::~Workers() {
  shared_->end();
}

void Workers::each(std::int64_t count, const std::function<void(std::int64_t)>& work) const {
  if (shared_->threads.empty()) {
    for (std::int64_t i = 0; i < count; ++i) work(i);
    return;
  }
  const std::lock_guard turn(shared_->one_at_a_time);
  std::unique_lock lock(shared_->mutex);
  shared_->work = &work;
  shared_->count = count;
  shared_->next = shared_->done = 0;
  shared_->error = nullptr;
  shared_->changed.notify_all();
  shared_->take_part(lock);
  shared_->changed.wait(lock, [&] { return shared_->done == shared_->count; });
  shared_->work = nullptr;
  if (shared_->error) std::rethrow_exception(shared_->error);
}

}  // namespace trireme::data
