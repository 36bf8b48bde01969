#include "runtime/kernels/cpu/thread_pool.h"

#include <emmintrin.h>

#include "runtime/base/threads.h"
#include "runtime/kernels/cpu/matrix_product.h"

namespace trireme::cpu {
namespace {
// Rounds of the pause instruction before a waiting thread gives its core away: some 20 microseconds.
constexpr int spins = 500;

template <class Done>
bool spin_until(Done done) {
  for (int i = 0; i < spins; ++i) {
    if (done()) return true;
    _mm_pause();
  }
  return false;
}
}  // namespace

ThreadPool::ThreadPool(int threads) {
  workers_.reserve(static_cast<std::size_t>(threads));
  try {
    for (int i = 1; i < threads; ++i) workers_.push_back(start_thread([this] { worker(); }, threads));
  } catch (...) {
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  end();
}

void ThreadPool::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    ++generation_;
  }
  wake_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::run_job(const Job& job) {
  const std::unique_lock caller(caller_, std::try_to_lock);
  if (!caller.owns_lock()) {
    for (std::int64_t i = 0; i < job.count; ++i) job.call(job.context, i);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    job_ = job;
    error_ = nullptr;
    next_ = 0;
    busy_ = static_cast<int>(workers_.size());
    ++generation_;
  }
  wake_.notify_all();
  work_on(job);
  while (busy_ > 0)
    if (!spin_until([this] { return busy_ == 0; })) std::this_thread::yield();
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::work_on(const Job& job) noexcept {
  for (std::int64_t i = next_++; i < job.count; i = next_++) {
    try {
      job.call(job.context, i);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
}

void ThreadPool::worker() {
  const SingleThreadedProducts single;
  std::uint64_t seen = 0;
  for (;;) {
    if (!spin_until([&] { return generation_ != seen; })) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_ != seen; });
    }
    Job job{};
    {
      const std::lock_guard lock(mutex_);
      seen = generation_;
      job = job_;
    }
    if (stop_) return;
    work_on(job);
    --busy_;
  }
}

}  // namespace trireme::cpu
