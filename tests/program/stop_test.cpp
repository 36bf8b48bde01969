// A run that is told to stop saves and leaves within seconds; what goes on later is the run that was never stopped.
#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr int stopped_early = 75;
constexpr double soon = 5.0;  // seconds

// Steps that take some hundredths of a second, so that a signal arrives between two of them.
constexpr const char* slow_job = R"(steps: 40
model { gpt { layers: 2 heads: 2 width: 64 sequence: 32 dropout: 0.1 } }
data { text { paths: "text.txt" } }
batch { global: 96 micro: 4 }
schedule { lr: 3e-3 warmup_steps: 3 cosine { } }
clip { norm: 1 }
evaluate { every_steps: 15 batches: 1 }
log { every_steps: 1 }
threads: 1
)";
constexpr const char* endless = "steps=1000000000";

struct Way {
  const char* name;
  int signal;
  const char* ranks;
};

class Stop : public ProgramTest {
 protected:
  // Starts, signals after some steps, and waits for the end.
  Ended stop(const Command& command, int signal) {
    Running running(command);
    EXPECT_TRUE(running.says("step 3/"));
    running.signal(signal);
    const auto start = std::chrono::steady_clock::now();
    Ended ended = running.wait();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), soon * patience);
    EXPECT_TRUE(running.is_gone(1.0));
    return ended;
  }
};

// mpirun takes a while until it knows its ranks, and loses what it is told before.
class StopAtTheStart : public Stop, public testing::WithParamInterface<int> {};

TEST_P(StopAtTheStart, IsHeeded) {
  Running running(train(slow_job, "run", {"-n", "2", "--set", endless}));
  std::this_thread::sleep_for(std::chrono::milliseconds(GetParam()));
  running.signal(SIGINT);
  const Ended ended = running.wait();
  EXPECT_NE(ended.code, 0);
  EXPECT_LT(ended.seconds, (2 * soon + 0.001 * GetParam()) * patience) << ended.out << ended.err;
  EXPECT_EQ(count(ended.err, "told to stop"), 1) << ended.err;
  EXPECT_TRUE(running.is_gone(1.0));
}

INSTANTIATE_TEST_SUITE_P(Milliseconds, StopAtTheStart, testing::Values(100, 500, 900, 1300));

class EverySignal : public Stop, public testing::WithParamInterface<Way> {};

TEST_P(EverySignal, SavesAndGoesOnWithTheSameBits) {
  const ProgramTest::Words ranks{"-n", GetParam().ranks};
  expect_success(run(train(slow_job, "whole", ranks)));

  const Ended first = stop(train(slow_job, "halves", ranks), GetParam().signal);
  EXPECT_EQ(first.code, stopped_early) << first.out << first.err;
  EXPECT_EQ(count(first.out, "--resume"), 1) << first.out << first.err;
  const std::int64_t step = saved_step("halves");
  ASSERT_GE(step, 3);
  ASSERT_LT(step, 40) << "the signal came too late";
  EXPECT_EQ(static_cast<std::int64_t>(metrics("halves").size()), step);

  ProgramTest::Words resume = ranks;
  resume.push_back("--resume");
  const Ended second = run(train(slow_job, "halves", resume));
  expect_success(second);
  EXPECT_EQ(count(second.out, "resumed after step " + std::to_string(step)), 1) << second.out;
  EXPECT_EQ(losses("halves"), losses("whole"));
  EXPECT_EQ(state("halves"), state("whole"));
  EXPECT_EQ(other_metrics("halves"), other_metrics("whole"));
}

INSTANTIATE_TEST_SUITE_P(Ways, EverySignal,
                         testing::Values(Way{"term", SIGTERM, "2"}, Way{"interrupt", SIGINT, "2"},
                                         Way{"user1", SIGUSR1, "2"}, Way{"hangup", SIGHUP, "2"},
                                         Way{"termAlone", SIGTERM, "1"}, Way{"interruptAlone", SIGINT, "1"},
                                         Way{"user1Alone", SIGUSR1, "1"}, Way{"hangupAlone", SIGHUP, "1"}),
                         [](const auto& each) { return each.param.name; });

TEST_F(Stop, GoesOnWithAnotherNumberOfRanks) {
  expect_success(run(train(slow_job, "whole", {"-n", "2"})));
  const Ended first = stop(train(slow_job, "other", {"-n", "2"}), SIGTERM);
  EXPECT_EQ(first.code, stopped_early) << first.out << first.err;
  ASSERT_LT(saved_step("other"), 40);
  expect_success(run(train(slow_job, "other", {"-n", "4", "--ranks-as-threads", "--resume"})));
  expect_near(losses("other"), losses("whole"), 2e-5);
}

TEST_F(Stop, ASecondSignalLeavesAtOnce) {
  for (const std::string ranks : {"1", "2"}) {
    SCOPED_TRACE(ranks);
    // One step of this job takes minutes: nothing but leaving at once ends it soon.
    Running running(train(slow_job, "run" + ranks,
                          {"-n", ranks, "--set", "model.gpt.width=512", "--set", "model.gpt.layers=8", "--set",
                           "batch.global=4000", "--set", "data.prefetch=1"}));
    ASSERT_TRUE(running.says(" samples a step"));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // until the step has begun
    running.signal(SIGTERM);
    if (ranks != "1") {
      ASSERT_TRUE(running.says("told to stop"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    running.signal(SIGINT);
    const auto start = std::chrono::steady_clock::now();
    const Ended ended = running.wait();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 3.0 * patience);
    EXPECT_NE(ended.code, 0);
    EXPECT_NE(ended.code, stopped_early);
    EXPECT_TRUE(running.is_gone(1.0));
    EXPECT_EQ(saved_step("run" + ranks), 0);
  }
}

// A signal may come in the middle of anything, and often.
TEST_F(Stop, SignalsDoNotDisturbTheArithmetic) {
  const ProgramTest::Words few_steps{"--set", "steps=4", "--set", "batch.global=960"};
  expect_success(run(train(slow_job, "quiet", few_steps)));
  Running running(train(slow_job, "disturbed", few_steps));
  ASSERT_TRUE(running.says("step 1/4"));
  for (int i = 0; i < 200; ++i) {
    running.signal(SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(running.wait().code, stopped_early);
  ProgramTest::Words resume = few_steps;
  resume.push_back("--resume");
  expect_success(run(train(slow_job, "disturbed", resume)));
  EXPECT_EQ(losses("disturbed"), losses("quiet"));
  EXPECT_EQ(state("disturbed"), state("quiet"));
}

TEST_F(Stop, ARunThatIgnoresHangupsGoesOn) {
  for (const std::string ranks : {"1", "2"}) {
    SCOPED_TRACE(ranks);
    Command command = train(slow_job, "run" + ranks, {"-n", ranks, "--set", "steps=12"});
    command.words.insert(command.words.begin(), {"/usr/bin/nohup"});
    Running running(command);
    ASSERT_TRUE(running.says("step 3/"));
    running.signal(SIGHUP);
    expect_success(running.wait());
  }
}

TEST_F(Stop, OneRankThatIsToldStopsAll) {
  Running running(train(slow_job, "run", {"-n", "2", "--set", endless}));
  ASSERT_TRUE(running.says("step 3/"));
  const pid_t rank = running.rank(1);
  ASSERT_GT(rank, 0);
  kill(rank, SIGTERM);
  const Ended ended = running.wait();
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_EQ(complaint_of(ended), "");
  EXPECT_GE(saved_step("run"), 3);
  EXPECT_TRUE(running.is_gone(1.0));
}

// mpirun gives its ranks a second; what it says nothing about is told, and the run can go on.
TEST_F(Stop, MpirunItselfIsTold) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    SCOPED_TRACE(signal);
    std::filesystem::remove_all(path("run"));
    Running running(train(slow_job, "run", {"-n", "2", "--set", endless, "--set", "checkpoint.every_steps=1"}));
    ASSERT_TRUE(running.says("step 3/"));
    for (const pid_t process : running.processes())
      if (read_file("/proc/" + std::to_string(process) + "/comm") == "mpirun\n") kill(process, signal);
    const Ended ended = running.wait();
    expect_complaint(ended, {"mpirun was told to stop", "--resume"}, {.code = stopped_early});
    EXPECT_GE(saved_step("run"), 2);
    EXPECT_TRUE(running.is_gone(1.0));
  }
}

// As timeout(1) does.
TEST_F(Stop, OneSignalThatComesTwiceIsOne) {
  for (const std::string ranks : {"1", "2"}) {
    SCOPED_TRACE(ranks);
    Running running(train(slow_job, "run" + ranks, {"-n", ranks, "--set", endless}));
    ASSERT_TRUE(running.says("step 3/"));
    running.signal(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().code, stopped_early);
    EXPECT_GE(saved_step("run" + ranks), 3);
  }
}

// As service managers do.
TEST_F(Stop, EveryProcessOfTheJobIsToldAtOnce) {
  Running running(train(slow_job, "run", {"-n", "2", "--set", endless, "--set", "checkpoint.every_steps=1"}));
  ASSERT_TRUE(running.says("step 3/"));
  for (const pid_t process : running.processes()) kill(process, SIGTERM);
  const Ended ended = running.wait();
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_GE(saved_step("run"), 2);
  EXPECT_TRUE(running.is_gone(1.0));
}

TEST_F(Stop, ABenchLeavesAtOnce) {
  Running running(trireme({"bench", "step", "mlp", "-n", "2", "--steps", "1000000"}));
  ASSERT_TRUE(running.says("ranks start through mpirun"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  running.signal(SIGINT);
  const auto start = std::chrono::steady_clock::now();
  const Ended ended = running.wait();
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), soon * patience);
  EXPECT_EQ(ended.code, 128 + SIGINT);
  EXPECT_EQ(complaint_of(ended), "trireme: told to stop: leaving at once\n");
}

TEST_F(Stop, MpirunByHandPassesTheWishOn) {
  Command command = train(slow_job, "run", {"--set", endless});
  command.words.insert(command.words.begin(), {MPIRUN_PROGRAM, "-np", "2"});
  command.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                         {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                         {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                         {"OMPI_MCA_mpi_yield_when_idle", "1"}};
  const Ended ended = stop(command, SIGUSR1);
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_GE(saved_step("run"), 3);
}

}  // namespace
}  // namespace trireme::test
