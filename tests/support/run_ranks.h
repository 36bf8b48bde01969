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
#include "runtime/device/cpu/cpu_device.h"

namespace trireme::test {

// Calls body(group, device) in one thread per rank, with a CPU device of its own, and returns when all have ended. An
// exception of any rank ends the waits of the others and is rethrown here: the first one, not those that followed from
// it. EXPECT_ macros may be used in the body.
inline void run_ranks(int ranks, const GroupOptions& options, const std::function<void(Group&, Device&)>& body) {
  auto groups = make_thread_groups(ranks, options);
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (auto& owned : groups) {
    threads.emplace_back([&body, &mutex, &first, group = std::move(owned)] {
      const auto device = make_cpu_device();  // outlives the abort below: its streams may wait for other ranks
      try {
        body(*group, *device);
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
// The same, with no wait longer than `deadline` seconds.
inline void run_ranks(int ranks, const std::function<void(Group&, Device&)>& body, double deadline = 30.0) {
  run_ranks(ranks, GroupOptions{.deadline = deadline}, body);
}
// The same for a body that makes its own device.
inline void run_ranks(int ranks, const std::function<void(Group&)>& body, double deadline = 30.0) {
  run_ranks(ranks, std::function<void(Group&, Device&)>([&](Group& group, Device&) { body(group); }), deadline);
}

}  // namespace trireme::test
