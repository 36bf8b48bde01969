// Saving in the background: what is saved, what it costs the run, and what stays when it fails or is killed.
#include "parallel/snapshot/background.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <deque>
#include <filesystem>
#include <future>
#include <thread>

#include "parallel/together/together.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/layers.h"
#include "runtime/store/run_folder.h"
#include "tests/support/compare.h"
#include "tests/support/run_ranks.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

namespace fs = std::filesystem;
using parallel::BackgroundSaver;

// Several parameters, so that a save makes many calls.
struct Stack : nn::Module {
  explicit Stack(std::int64_t width) {
    for (int i = 0; i < 6; ++i) add("layer" + std::to_string(i), layers.emplace_back(width + i, width));
  }
  std::deque<nn::Linear> layers;
};

struct Rank {
  explicit Rank(int value, std::int64_t width = 5)
      : model(width), flat(model, *backend.device, *backend.kernels, {}), optimizer(flat, {}) {
    set(value);
  }
  // All of the state follows from `value`.
  void set(int value) {
    for (Tensor tensor : {flat.weights, optimizer.moment1, optimizer.moment2})
      backend.kernels->fill(tensor, static_cast<float>(value));
    optimizer.set_steps(value);
  }
  bool holds(int value) const {
    for (const Tensor& tensor : {flat.weights, optimizer.moment1, optimizer.moment2})
      for (const nn::Placement& p : flat.placements())
        for (const float element : to_floats(tensor.range(p.begin, p.begin + p.count)))
          if (element != static_cast<float>(value)) return false;
    return optimizer.steps() == value;
  }
  parallel::State state() { return {flat, optimizer, scale}; }

  Backend backend = make_backend("cpu", 1);
  Stack model;
  nn::FlatParameters flat;
  optim::Optimizer optimizer;
  optim::LossScale scale;
};

void save(BackgroundSaver& saver, const std::string& run, int step, Rank& rank, Group& group) {
  saver.save({.path = store::checkpoint_path(run, step), .step = step, .metadata = {}}, rank.state(), group,
             rank.backend.device->compute());
}

// Whether the newest checkpoint of `run` is whole and that of its step.
::testing::AssertionResult newest_is_whole(const std::string& run, std::int64_t at_least) {
  const store::FoundCheckpoint found = store::latest_checkpoint(run);
  if (!found.refused.empty()) return ::testing::AssertionFailure() << found.refused.front();
  if (found.step < at_least) return ::testing::AssertionFailure() << "newest is step " << found.step;
  const store::CheckpointReader reader(found.path);
  reader.verify();
  Rank loaded(0);
  parallel::load_state(reader, loaded.state());
  if (!loaded.holds(static_cast<int>(found.step))) return ::testing::AssertionFailure() << "other numbers";
  return ::testing::AssertionSuccess();
}

TEST(BackgroundSaver, SavesTheStateAsItWasWhenAsked) {
  for (const int ranks : {1, 3}) {
    const test::ScratchFolder folder;
    test::run_ranks(ranks, [&](Group& group) {
      Rank rank(1);
      BackgroundSaver saver(*rank.backend.device);
      for (int step = 1; step <= 3; ++step) {
        rank.set(step);
        save(saver, folder.path(), step, rank, group);
        rank.set(77);  // training goes on
        EXPECT_FALSE(saver.failed());
      }
      saver.finish(group, rank.backend.device->compute());
      EXPECT_EQ(saver.take_completed(), group.rank() == 0 ? std::optional<std::int64_t>(3) : std::nullopt);
      EXPECT_EQ(saver.take_completed(), std::nullopt);
    });
    EXPECT_TRUE(newest_is_whole(folder.path(), 3));
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
      EXPECT_FALSE(entry.path().filename().string().starts_with("part-")) << entry.path();
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 3);
  }
}

TEST(BackgroundSaver, TheRunGoesOnWhileItWrites) {
  const test::ScratchFolder folder;
  test::run_ranks(1, [&](Group& group) {
    Rank rank(5);
    std::promise<void> gate;
    const std::shared_future<void> opened(gate.get_future());
    BackgroundSaver saver(*rank.backend.device, [opened](std::string_view call, const std::string&) {
      if (call == "write") opened.wait();
      return 0;
    });
    save(saver, folder.path(), 5, rank, group);  // returns although nothing can be written
    rank.set(6);
    EXPECT_EQ(saver.take_completed(), std::nullopt);
    EXPECT_TRUE(store::latest_checkpoint(folder.path()).path.empty());
    gate.set_value();
    saver.finish(group, rank.backend.device->compute());
  });
  EXPECT_TRUE(newest_is_whole(folder.path(), 5));
}

// Beside a computation it takes little of a core: long waits lie between its writes.
TEST(BackgroundSaver, TakesASmallShareOfACore) {
  const test::ScratchFolder folder;
  test::run_ranks(1, [&](Group& group) {
    Rank rank(5, 200);
    BackgroundSaver saver(*rank.backend.device);
    save(saver, folder.path(), 5, rank, group);
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t used = std::clock();
    while (!saver.take_completed()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_GT(seconds.count(), 10.0 * static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC);
    saver.finish(group, rank.backend.device->compute());
  });
  EXPECT_EQ(store::latest_checkpoint(folder.path()).step, 5);
}

// On rank 0 or another; it knows, and finish() tells all.
TEST(BackgroundSaver, AFailedWriteFailsTheRunAndNotTheCheckpoint) {
  for (const int failing : {0, 1}) {
    const test::ScratchFolder folder;
    test::run_ranks(2, [&](Group& group) {
      Rank rank(1);
      std::atomic<bool> full = false;
      BackgroundSaver saver(*rank.backend.device, [&](std::string_view call, const std::string&) {
        return call == "write" && full && group.rank() == failing ? ENOSPC : 0;
      });
      save(saver, folder.path(), 1, rank, group);
      saver.finish(group, rank.backend.device->compute());
      full = true;
      rank.set(2);
      save(saver, folder.path(), 2, rank, group);
      const std::string message =
          test::message_of<parallel::SharedError>([&] { saver.finish(group, rank.backend.device->compute()); });
      EXPECT_NE(message.find("No space left"), std::string::npos) << message;
      EXPECT_EQ(saver.failed(), group.rank() == failing);
    });
    EXPECT_TRUE(newest_is_whole(folder.path(), 1));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << "nothing of the failed one stays";
  }
}

TEST(BackgroundSaver, WhatIsGivenUpLeavesNothing) {
  const test::ScratchFolder folder;
  test::run_ranks(2, [&](Group& group) {
    Rank rank(1);
    BackgroundSaver saver(*rank.backend.device, [&](std::string_view call, const std::string&) {
      return group.rank() == 1 && call == "write" ? EIO : 0;  // rank 0 would wait for this part
    });
    save(saver, folder.path(), 1, rank, group);
  });
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// A child saves steps 2, 3, ... over step 1 with two ranks, and is killed at one of the calls of its writers.
TEST(BackgroundSaver, KilledAnywhereInTheWriterTheNewestCheckpointLoads) {
  constexpr int points = 50;
  int interrupted = 0;
  for (int point = 0; point < points; ++point) {
    const test::ScratchFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
      std::atomic<int> calls = 0;
      test::run_ranks(2, [&](Group& group) {
        Rank rank(1);
        BackgroundSaver saver(*rank.backend.device, [&](std::string_view, const std::string& path) {
          const bool first = path.find("step-00000001") != std::string::npos;
          if (!first && calls++ == 3 * point) ::kill(::getpid(), SIGKILL);
          return 0;
        });
        for (int step = 1; step < 10; ++step) {
          rank.set(step);
          save(saver, folder.path(), step, rank, group);
          if (step == 1) saver.finish(group, rank.backend.device->compute());
        }
      });
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << point;
    for (const auto& entry : fs::directory_iterator(folder.path()))
      interrupted += entry.path().string().find(".tmp-") != std::string::npos ? 1 : 0;
    ASSERT_TRUE(newest_is_whole(folder.path(), 1)) << point;
    store::remove_unfinished(folder.path());
    ASSERT_TRUE(newest_is_whole(folder.path(), 1)) << point;
  }
  EXPECT_GT(interrupted, points / 2) << "kills that hit a save under way";
}

}  // namespace
}  // namespace trireme
