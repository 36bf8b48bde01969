// Runs a test's body on several ranks that are threads of the test program.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "collectives/group/group.h"
#include "collectives/threads/thread_group.h"

namespace trireme::testing {

// Calls body(group) in one thread per rank and returns when all have ended. An exception of any rank ends the waits of
// the others and is rethrown here: the first one, not those that followed from it. No wait lasts longer than
// `deadline` seconds. Each rank makes its own device; gtest's EXPECT_ macros may be used in the body.
inline void run_ranks(int ranks, const std::function<void(Group&)>& body, double deadline = 30.0) {
  auto groups = make_thread_groups(ranks, {.deadline = deadline, .name = "world", .pretend_hosts = {}});
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (auto& owned : groups) {
    threads.emplace_back([&body, &mutex, &first, group = std::move(owned)] {
      try {
        body(*group);
      } catch (const std::exception& error) {
        {
          std::lock_guard lock(mutex);
          if (!first) first = std::current_exception();
        }
        group->abort(error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace trireme::testing
