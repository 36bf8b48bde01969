// A rank that dies or hangs ends the run, and is named; what was saved before stays whole.
#include <csignal>
#include <thread>

#include "runtime/base/host.h"
#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr int timed_out = 69;

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

class Failure : public ProgramTest {
 protected:
  // The end of a run to which `injure` is done after its second checkpoint; counts its seconds from there.
  template <class Injure>
  Ended end_of(const Command& command, Injure injure) {
    Running running(command);
    EXPECT_TRUE(running.says("step-00000100")) << running.wait().err;
    injure(running);
    const auto start = std::chrono::steady_clock::now();
    Ended ended = running.wait();
    ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_TRUE(running.is_gone(1.0)) << "processes are left";
    return ended;
  }

  void expect_a_whole_checkpoint() {
    EXPECT_GE(saved_step("run"), 100);
    EXPECT_FALSE(state("run").empty());  // verifies every byte
  }
};

TEST_F(Failure, AKilledRankIsNamed) {
  for (const int victim : {0, 1}) {
    SCOPED_TRACE(victim);
    const Ended ended = end_of(train(endless_job, "run", {"-n", "2", "--resume"}),
                               [&](Running& running) { kill(running.rank(victim), SIGKILL); });
    EXPECT_LT(ended.seconds, 10.0);
    expect_complaint(
        ended, {"rank " + std::to_string(victim) + " on host " + host_name() + " was killed by signal 9 (Killed)"},
        {.code = 128 + SIGKILL, .most_lines = 2});  // the other may say for what it waited
    expect_a_whole_checkpoint();
    std::filesystem::remove_all(path("run"));
  }
}

TEST_F(Failure, ACrashedRankIsNamed) {
  const Ended ended = end_of(train(endless_job, "run", {"-n", "3", "--set", "batch.global=33"}),
                             [&](Running& running) { kill(running.rank(2), SIGABRT); });
  EXPECT_LT(ended.seconds, 10.0);
  EXPECT_EQ(ended.code, 128 + SIGABRT);
  EXPECT_EQ(count(ended.err, "rank 2 on host " + host_name() + " was killed by signal 6 (Aborted)"), 1) << ended.err;
  expect_a_whole_checkpoint();
}

TEST_F(Failure, AHungRankIsNamedWithWhatIsMissing) {
  constexpr double deadline = 2.0;
  for (const std::string victim : {"0", "1"}) {
    SCOPED_TRACE(victim);
    const Ended ended = end_of(train(endless_job, "run", {"-n", "2", "--set", "watchdog_seconds=2"}),
                               [&](Running& running) { kill(running.rank(std::stoi(victim)), SIGSTOP); });
    EXPECT_LT(ended.seconds, (deadline + 5.0) * patience);
    const std::string other = victim == "0" ? "1" : "0";
    expect_complaint(
        ended, {"rank " + other + ": ", "waited 2 s in ", "not arrived: rank " + victim + " on host " + host_name()},
        {.code = timed_out});
    // The operation and its tensors, as in "call 17 of group 'data', all_reduce sum of 2 f32 'loss and stop flag'", or
    // of group 'world' where a checkpoint was being saved.
    EXPECT_GE(count(ended.err, "of group 'data") + count(ended.err, "of group 'world"), 1) << ended.err;
    EXPECT_GE(count(ended.err, " f32 '") + count(ended.err, " u8 '") + count(ended.err, " i64 '"), 1) << ended.err;
    expect_a_whole_checkpoint();
    std::filesystem::remove_all(path("run"));
  }
}

// Before the ranks know each other, none can miss another: what has started them does.
TEST_F(Failure, ARankThatHangsAtItsStartIsMissed) {
  Running running(train(endless_job, "run", {"-n", "2", "--set", "watchdog_seconds=2"}));
  pid_t rank = 0;
  while ((rank = running.rank(1)) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(rank, SIGSTOP);
  const Ended ended = running.wait();
  EXPECT_LT(ended.seconds, (2 * 2.0 + 10.0 + 5.0) * patience);
  EXPECT_EQ(ended.code, timed_out) << ended.err;
  // It may have been quicker than we.
  EXPECT_EQ(count(ended.err, "have not found each other within 14 s") + count(ended.err, "not arrived: rank 1"), 1)
      << ended.err;
  EXPECT_TRUE(running.is_gone(1.0));
}

TEST_F(Failure, AHungRankOfFourIsOneMessage) {
  const Ended ended = end_of(train(endless_job, "run", {"-n", "4", "--set", "watchdog_seconds=2"}),
                             [&](Running& running) { kill(running.rank(2), SIGSTOP); });
  EXPECT_LT(ended.seconds, (2.0 + 5.0) * patience);
  expect_complaint(ended, {"waited 2 s in ", "not arrived: rank 2 on host " + host_name()}, {.code = timed_out});
  expect_a_whole_checkpoint();
}

// Samples 0, 1, ... of 32 tokens each, in order; one token is not in the vocabulary, and stands where the fingerprint
// of the data does not look.
class BadToken : public Failure {
 protected:
  // A run that meets it says so once, and nothing worse happens.
  void expect_the_error(const Words& how, const std::string& who) {
    constexpr const char* job = R"(steps: 100000
model { gpt { layers: 2 heads: 2 width: 16 sequence: 32 vocabulary: 256 } }
data { shards { train: "train.bin" } order: sequential }
batch { global: 4 micro: 1 }
parallel { bucket_mib: 0.001 }
evaluate { every_steps: 0 }
threads: 1
)";
    SCOPED_TRACE(testing::PrintToString(how));
    std::vector<std::uint16_t> tokens(std::size_t{6} << 20, 7);
    tokens[32 * (4 * 40 + 3) + 4] = 999;  // the last sample of step 40: of the last rank, and of its last pass
    folder_.write("train.bin", std::string(reinterpret_cast<const char*>(tokens.data()), 2 * tokens.size()));
    std::filesystem::remove_all(path("run"));
    const Ended ended = run(train(job, "run", how));
    expect_complaint(ended, {who, "train.bin: at offset 10440", "found 999"});
    EXPECT_LT(ended.seconds, 20.0 * patience);
    EXPECT_EQ(metrics("run").size(), 40u);
  }
};

TEST_F(BadToken, AnErrorOfOneRankInTheMiddleOfAStepIsToldOnce) {
  for (const std::string ranks : {"2", "4"}) {
    const std::string last = "rank " + std::to_string(std::stoi(ranks) - 1) + ": ";
    expect_the_error({"-n", ranks}, last);
    expect_the_error({"-n", ranks, "--ranks-as-threads"}, last);
  }
}

// What is on its way between stages, or gathered ahead of use, has memory and a group until it has ended.
TEST_F(BadToken, AnErrorAmongStagesOrGatheredWeightsIsToldOnce) {
  for (const Words& layout : {Words{"pipeline=2", "schedule=1f1b"}, Words{"pipeline=2", "schedule=gpipe"},
                              Words{"pipeline=2", "schedule=zb_h1"}, Words{"zero=3"}}) {
    Words how{"-n", "2"};
    for (const std::string& setting : layout) how.insert(how.end(), {"--set", "parallel." + setting});
    expect_the_error(how, "rank ");
    if (layout.back() != "schedule=zb_h1") continue;  // which leaves most under way
    how.push_back("--ranks-as-threads");
    expect_the_error(how, "rank ");
  }
}

TEST_F(Failure, NothingOutlivesAKilledProgram) {
  Running running(train(endless_job, "run", {"-n", "2"}));
  ASSERT_TRUE(running.says("step-00000100"));
  ASSERT_GT(running.rank(1), 0);
  running.signal(SIGKILL);
  running.wait();
  EXPECT_TRUE(running.is_gone(10.0 * patience));
  expect_a_whole_checkpoint();
}

TEST_F(Failure, NothingOutlivesAKilledMpirun) {
  const Ended ended = end_of(train(endless_job, "run", {"-n", "2"}), [&](Running& running) {
    for (const pid_t process : running.processes()) {
      std::string name = read_file("/proc/" + std::to_string(process) + "/comm");
      if (name == "mpirun\n" || name == "orterun\n") kill(process, SIGKILL);
    }
  });
  EXPECT_LT(ended.seconds, 10.0);
  expect_complaint(ended, {"mpirun was killed by signal 9"}, {.code = 128 + SIGKILL});
  expect_a_whole_checkpoint();
}

TEST_F(Failure, ThreadsOfARankThatFailsEndTogether) {
  // The folder of the run is taken away: the first rank cannot save, the others do not wait for it.
  Running running(train(endless_job, "run", {"-n", "2", "--ranks-as-threads"}));
  ASSERT_TRUE(running.says("step-00000100"));
  std::filesystem::rename(path("run"), path("elsewhere"));
  const Ended ended = running.wait();
  EXPECT_LT(ended.seconds, 10.0 * patience);
  expect_complaint(ended, {"run/step-"});
}

}  // namespace
}  // namespace trireme::test
