// A save that is killed or fails at any point leaves the checkpoint before it as it was, and no half one.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "runtime/store/run_folder.h"
#include "tests/runtime/store/state.h"
#include "tests/support/scratch_folder.h"

namespace trireme::store {
namespace {

using test::message_of;
using test::ScratchFolder;

// Runs `body` in a child process and returns its exit status; 99 when it throws.
int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(99);
    }
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

std::vector<std::string> calls_of_a_save() {
  const ScratchFolder folder;
  std::vector<std::string> calls;
  save_state(folder / "c", 1, State(1), [&](std::string_view call, const std::string&) {
    calls.emplace_back(call);
    return 0;
  });
  return calls;
}

int entries_in(const std::string& folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(CheckpointCrash, ASaveMakesItsNameDurableInTheRightOrder) {
  const std::vector<std::string> calls = calls_of_a_save();
  ASSERT_GE(calls.size(), 15u);
  EXPECT_EQ(calls.front(), "mkdir");
  // The manifest, the folder, the rename, the folder above.
  const std::vector<std::string> tail(calls.end() - 7, calls.end());
  EXPECT_EQ(tail, (std::vector<std::string>{"open", "write", "fsync", "close", "fsync", "rename", "fsync"}));
}

TEST(CheckpointCrash, KilledAtAnyPointTheFolderHoldsTheOldOrTheNewStep) {
  const int points = static_cast<int>(calls_of_a_save().size());
  int old_step = 0;
  int new_step = 0;
  for (int point = 0; point < points; ++point) {
    const ScratchFolder folder;
    save_state(checkpoint_path(folder.path(), 1), 1, State(1));
    const int status = in_child([&] {
      int call = 0;
      save_state(checkpoint_path(folder.path(), 2), 2, State(2), [&](std::string_view, const std::string&) {
        if (call++ == point) ::_exit(77);
        return 0;
      });
    });
    ASSERT_EQ(status, 77) << point;
    const FoundCheckpoint found = latest_checkpoint(folder.path());
    ASSERT_TRUE(found.refused.empty()) << point << ": " << found.refused.front();
    ASSERT_TRUE(holds(found.path, State(static_cast<int>(found.step)))) << point;
    ++(found.step == 1 ? old_step : new_step);
    remove_unfinished(folder.path());
    ASSERT_EQ(entries_in(folder.path()), found.step) << point << ": stale folders are removed";
    ASSERT_TRUE(holds(found.path, State(static_cast<int>(found.step)))) << point;
  }
  EXPECT_EQ(old_step, points - 1);
  EXPECT_EQ(new_step, 1) << "only the last call, which makes the name durable, comes after the rename";
}

TEST(CheckpointCrash, KilledWhileReplacingAStepItIsTheOldOrTheNewOne) {
  const int points = static_cast<int>(calls_of_a_save().size());
  for (int point = 0; point < points; ++point) {
    const ScratchFolder folder;
    save_state(checkpoint_path(folder.path(), 1), 1, State(1));
    in_child([&] {
      int call = 0;
      save_state(checkpoint_path(folder.path(), 1), 1, State(2), [&](std::string_view, const std::string&) {
        if (call++ == point) ::_exit(77);
        return 0;
      });
    });
    const FoundCheckpoint found = latest_checkpoint(folder.path());
    ASSERT_TRUE(holds(found.path, State(point == points - 1 ? 2 : 1))) << point;
  }
}

TEST(CheckpointCrash, AnErrorAtAnyPointIsThrownAndCleanedUp) {
  const std::vector<std::string> calls = calls_of_a_save();
  for (int error : {ENOSPC, EIO}) {
    for (int point = 0; point < static_cast<int>(calls.size()); ++point) {
      const ScratchFolder folder;
      save_state(checkpoint_path(folder.path(), 1), 1, State(1));
      int call = 0;
      const std::string message = message_of<Error>([&] {
        save_state(checkpoint_path(folder.path(), 2), 2, State(2),
                   [&](std::string_view, const std::string&) { return call++ == point ? error : 0; });
      });
      ASSERT_NE(message.find(system_message(error)), std::string::npos) << point << ": " << message;
      ASSERT_NE(message.find(folder.path()), std::string::npos) << message;
      ASSERT_TRUE(holds(checkpoint_path(folder.path(), 1), State(1)));
      const bool renamed = point == static_cast<int>(calls.size()) - 1;
      ASSERT_EQ(entries_in(folder.path()), renamed ? 2 : 1) << "after " << calls[static_cast<std::size_t>(point)];
    }
  }
}

TEST(CheckpointCrash, InterruptedCallsAreMadeAgain) {
  const ScratchFolder folder;
  bool interrupt = false;
  save_state(folder / "c", 1, State(1), [&](std::string_view call, const std::string&) {
    interrupt = call == "write" && !interrupt;
    return interrupt ? EINTR : 0;
  });
  EXPECT_TRUE(holds(folder / "c", State(1)));
}

// The file size limit makes the system itself write short and then refuse.
TEST(CheckpointCrash, AFullDiskIsAnErrorAndThePreviousCheckpointStays) {
  const ScratchFolder folder;
  save_state(checkpoint_path(folder.path(), 1), 1, State(1));
  std::string message;
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2000, 2000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(98);
    const std::string error = message_of<Error>([&] { save_state(checkpoint_path(folder.path(), 2), 2, State(2)); });
    const bool clear = error.find("model.safetensors: writing") != std::string::npos &&
                       error.find("File too large") != std::string::npos;
    ::_exit(clear ? 42 : 43);
  });
  EXPECT_EQ(status, 42);
  EXPECT_EQ(entries_in(folder.path()), 1) << "what the failed save wrote is gone";
  EXPECT_TRUE(holds(latest_checkpoint(folder.path()).path, State(1)));
}

TEST(CheckpointCrash, AFolderThatCannotBeWrittenToIsAnError) {
  const ScratchFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  const int status = in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(98);
    const std::string error = message_of<Error>([&] { save_state(folder / "c", 1, State(1)); });
    ::_exit(error.find("Permission denied; choose a folder that can be written to") != std::string::npos ? 42 : 43);
  });
  EXPECT_EQ(status, 42);
  ::chmod(folder.path().c_str(), 0755);
  const std::string absent = message_of<Error>([&] { save_state(folder / "no/such/c", 1, State(1)); });
  EXPECT_NE(absent.find("No such file or directory"), std::string::npos) << absent;
  folder.write("d.tmp-test", "a file in the way");
  const std::string file = message_of<Error>([&] { save_state(folder / "d", 1, State(1)); });
  EXPECT_NE(file.find("expected a folder, found something else"), std::string::npos) << file;
}

TEST(CheckpointCrash, OneFailedWriterOfTwoLeavesNothing) {
  const ScratchFolder folder;
  const State state(1);
  {
    CheckpointOptions options = options_for(folder / "c", 1);
    options.writers = 2;
    CheckpointWriter first(options);
    options.writer = 1;
    options.fault = [](std::string_view call, const std::string&) { return call == "fsync" ? EIO : 0; };
    CheckpointWriter second(options);
    first.add({.name = "w", .shape = {1000}, .count = 500}, state.weight.data());
    second.add({.name = "w", .shape = {1000}, .begin = 500}, state.weight.data() + 500);
    (void)first.finish_part();
    EXPECT_THROW((void)second.finish_part(), Error);
  }
  EXPECT_EQ(entries_in(folder.path()), 0);
}

}  // namespace
}  // namespace trireme::store
