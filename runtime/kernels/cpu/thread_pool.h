// A few threads that share the numbered tasks of one job.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace trireme::cpu {

class ThreadPool {
 public:
  // `threads` counts the caller of run(). Throws Error where the system does not make that many.
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(i) for every i in [0, count), in any order and on any thread, and returns when all are done; rethrows
  // the first exception. If another thread is inside run(), the caller does all its tasks itself.
  template <class Task>
  void run(std::int64_t count, Task&& task) {
    if (count <= 1 || workers_.empty()) {
      for (std::int64_t i = 0; i < count; ++i) task(i);
      return;
    }
    using Callable = std::remove_reference_t<Task>;
    run_job({[](const void* context, std::int64_t i) { (*static_cast<Callable*>(const_cast<void*>(context)))(i); },
             &task, count});
  }

 private:
  struct Job {
    void (*call)(const void*, std::int64_t);
    const void* context;
    std::int64_t count;
  };

  void end() noexcept;
  void run_job(const Job& job);
  void work_on(const Job& job) noexcept;
  void worker();

  std::vector<std::thread> workers_;
  std::mutex caller_;  // held during run()
  std::mutex mutex_;
  std::condition_variable wake_;
  Job job_{};  // written between jobs, before generation_ moves
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::int64_t> next_{0};  // first task not yet taken
  std::atomic<int> busy_{0};           // workers that have not finished the job
  std::atomic<bool> stop_{false};
  std::exception_ptr error_;  // the first of the job; under mutex_
};

}  // namespace trireme::cpu
