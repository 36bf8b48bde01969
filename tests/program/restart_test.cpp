// --max-restarts: a run that loses a rank goes on by itself; nothing else is tried again.
#include <csignal>
#include <filesystem>

#include "runtime/base/host.h"
#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

// Runs until something ends it, and saves often.
constexpr const char* endless_job = R"(steps: 1000000000
model { mlp { inputs: 32 hidden: [64, 64] classes: 5 } }
data { synthetic { samples: 1000 } }
batch { global: 32 }
evaluate { every_steps: 0 }
checkpoint { every_steps: 50 keep: 3 }
log { every_steps: 100000 }
threads: 1
)";

class Restart : public ProgramTest {
 protected:
  // Stops a run that goes on.
  void expect_it_stops(Running& running) {
    running.signal(SIGTERM);
    const Ended ended = running.wait();
    EXPECT_EQ(ended.code, 75) << ended.out << ended.err;
    EXPECT_TRUE(running.is_gone(1.0));
    EXPECT_FALSE(state("run").empty());  // verifies every byte
  }
};

TEST_F(Restart, AfterALostRank) {
  for (const std::string ranks : {"1", "2"}) {
    SCOPED_TRACE(ranks);
    fs::remove_all(path("run"));
    Running running(train(endless_job, "run", {"-n", ranks, "--max-restarts", "2"}));
    ASSERT_TRUE(running.says("step-00000100"));
    const int victim = std::stoi(ranks) - 1;
    kill(running.rank(victim), SIGKILL);
    ASSERT_TRUE(running.says("trireme: restart 1 of 2, because rank " + std::to_string(victim) + " on host " +
                             host_name() + " was killed by signal 9 (Killed)\n"));
    ASSERT_TRUE(running.says("resumed after step "));
    expect_it_stops(running);
  }
}

TEST_F(Restart, AfterAHungRank) {
  Running running(train(endless_job, "run", {"-n", "2", "--max-restarts", "1", "--set", "watchdog_seconds=2"}));
  ASSERT_TRUE(running.says("step-00000100"));
  kill(running.rank(1), SIGSTOP);
  ASSERT_TRUE(running.says("trireme: restart 1 of 1, because a rank has waited past its deadline\n"));
  ASSERT_TRUE(running.says("resumed after step "));
  expect_it_stops(running);
}

TEST_F(Restart, ARankThatIsLostTwiceEndsTheRun) {
  Running running(train(endless_job, "run", {"-n", "2", "--max-restarts", "1"}));
  ASSERT_TRUE(running.says("step-00000100"));
  kill(running.rank(1), SIGKILL);
  ASSERT_TRUE(running.says("resumed after step "));
  kill(running.rank(0), SIGABRT);
  const Ended ended = running.wait();
  EXPECT_EQ(ended.code, 128 + SIGABRT) << ended.err;
  EXPECT_EQ(count(ended.err, "restart "), 1) << ended.err;
  EXPECT_EQ(count(ended.err, "rank 0 on host " + host_name() + " was killed by signal 6 (Aborted)"), 1) << ended.err;
}

TEST_F(Restart, NotOfWhatWouldFailAgain) {
  const Words restarts{"-n", "2", "--max-restarts", "5"};
  const auto once = [&](Words more, std::initializer_list<std::string_view> phrases) {
    more.insert(more.end(), restarts.begin(), restarts.end());
    const Ended ended = run(train(gpt_job, "run", more));
    expect_complaint(ended, phrases);
    EXPECT_EQ(count(ended.err, "restart "), 0) << ended.err;
  };
  once({"--set", "model.gpt.heads=3"}, {"heads"});
  once({"--set", "data.text.paths=nowhere.txt"}, {"nowhere.txt"});
  expect_success(run(train(gpt_job, "run")));
  once({"--resume", "--set", "model.gpt.width=64", "--set", "steps=30"}, {"tensor"});
  once({"--resume", "--set", "batch.global=16", "--set", "steps=30"}, {"batch.global was 8 and is 16"});
}

// Whatever becomes of the ranks, a run that lay in the folder before is not gone on with.
TEST_F(Restart, NotOfAnotherRun) {
  expect_success(run(train(mlp_job, "run")));
  const auto before = state("run");
  for (const std::string ranks : {"1", "2"}) {
    const Ended ended = run(train(mlp_job, "run", {"-n", ranks, "--max-restarts", "3", "--set", "steps=30"}));
    expect_complaint(ended, {"holds a run that reached step 20"});
    EXPECT_EQ(count(ended.err, "restart "), 0) << ended.err;
  }
  // The same when the first attempt was lost before it had looked: what the program starts its ranks with the second
  // time is what it started them with the first time.
  expect_complaint(run(train(mlp_job, "run", {"--mark", "another command", "--set", "steps=30"})),
                   {"holds a run that reached step 20"});
  EXPECT_EQ(state("run"), before);

  expect_success(run(train(mlp_job, "marked", {"--mark", "this command"})));
  expect_complaint(run(train(mlp_job, "marked", {"--mark", "another command", "--set", "steps=30"})),
                   {"holds a run that reached step 20"});
  const Ended own = run(train(mlp_job, "marked", {"--mark", "this command", "--set", "steps=30"}));
  expect_success(own);
  EXPECT_EQ(count(own.out, "resumed after step 20"), 1) << own.out;
}

TEST_F(Restart, NotWhereItCannotBeDone) {
  expect_complaint(run(train(mlp_job, "run", {"-n", "2", "--ranks-as-threads", "--max-restarts", "1"})),
                   {"[--ranks-as-threads]", "--max-restarts"});
  Command command = train(mlp_job, "run", {"--max-restarts", "1"});
  command.words.insert(command.words.begin(), {MPIRUN_PROGRAM, "-np", "2"});
  command.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                         {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                         {"OMPI_MCA_rmaps_base_oversubscribe", "1"}};
  const Ended ended = run(command);
  EXPECT_EQ(ended.code, 1);
  EXPECT_GE(count(ended.err, "[--max-restarts] expected trireme to start the ranks itself; here mpirun has"), 1)
      << ended.err;
}

}  // namespace
}  // namespace trireme::test
