#include "runtime/kernels/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <vector>

#include "runtime/base/error.h"
#include "tests/support/few_threads.h"

namespace trireme::cpu {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (std::int64_t count : {0, 1, 2, 3, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      pool.run(count, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const auto& called : calls) EXPECT_EQ(called, 1);
    }
  }
}

TEST(ThreadPool, RunsManyShortJobs) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> total = 0;
  for (int job = 0; job < 5000; ++job) pool.run(4, [&](std::int64_t i) { total += i; });
  EXPECT_EQ(total, 5000 * 6);
}

TEST(ThreadPool, OtherThreadsTakePart) {
  ThreadPool pool(2);
  std::atomic<int> arrived = 0;
  // Neither task ends before both have begun.
  pool.run(2, [&](std::int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(ThreadPool, RethrowsAnExceptionAfterAllTasks) {
  for (int threads : {2, 4}) {
    ThreadPool pool(threads);
    std::atomic<int> done = 0;
    const auto job = [&](std::int64_t i) {
      if (i == 7) fail("test", "task", i);
      ++done;
    };
    EXPECT_THROW(pool.run(20, job), Error);
    EXPECT_EQ(done, 19);
    pool.run(5, job);  // and works on
    EXPECT_EQ(done, 24);
  }
}

TEST(ThreadPool, ASecondCallerDoesItsOwnWork) {
  ThreadPool pool(2);
  std::atomic<bool> inside = false, release = false;
  std::thread first([&] {
    pool.run(2, [&](std::int64_t) {
      inside = true;
      while (!release) std::this_thread::yield();
    });
  });
  while (!inside) std::this_thread::yield();
  std::set<std::thread::id> ids;
  pool.run(10, [&](std::int64_t) { ids.insert(std::this_thread::get_id()); });
  EXPECT_EQ(ids, std::set{std::this_thread::get_id()});
  release = true;
  first.join();
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    std::atomic<int> calls = 0;
    pool.run(2, [&](std::int64_t) {
      ++calls;
      while (calls < 2) std::this_thread::yield();
    });
    EXPECT_EQ(calls, 2);
  }
}

TEST(ThreadPool, SaysWhenThereAreNotThatMany) {
  EXPECT_EXIT(test::exit_told_of_few_threads([] { ThreadPool pool(64); }), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace trireme::cpu
