// Going on with a run: from a chosen checkpoint, with other data, batches or number formats.
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

class Resume : public ProgramTest {
 protected:
  // A run of 20 steps with checkpoints after steps 10 and 20.
  void make_run(const std::string& job, const std::string& name, Words more = {}) {
    more.insert(more.end(), {"--set", "checkpoint.every_steps=10", "--set", "checkpoint.keep=5"});
    expect_success(run(train(job, name, more)));
    ASSERT_EQ(saved_step(name), 20);
  }
  // Goes on after step 10.
  Ended resume(const std::string& job, const std::string& name, Words more = {}) {
    more.push_back("--resume=" + name + "/step-00000010");
    return run(train(job, name, more));
  }
};

TEST_F(Resume, FromAChosenCheckpoint) {
  make_run(gpt_job, "run");
  const auto all = losses("run");
  const auto end = state("run");
  const Ended ended = resume(gpt_job, "run");
  expect_success(ended);
  EXPECT_EQ(count(ended.out, "resumed after step 10"), 1) << ended.out;
  EXPECT_EQ(losses("run"), all);
  EXPECT_EQ(state("run"), end);
  EXPECT_TRUE(fs::exists(path("run/step-00000020.passed-over"))) << "what was passed over is kept";

  // What was trained after it is not taken for the run's own future.
  expect_success(resume(gpt_job, "run", {"-n", "2", "--set", "steps=15"}));
  EXPECT_EQ(saved_step("run"), 15);
  EXPECT_EQ(losses("run").size(), 15u);
}

TEST_F(Resume, FromACheckpointOfAnotherRun) {
  make_run(gpt_job, "run");
  const auto end = state("run");
  expect_success(run(train(gpt_job, "branch", {"--resume=run/step-00000010"})));
  EXPECT_EQ(state("branch"), end);
  EXPECT_EQ(losses("branch").size(), 10u);
  EXPECT_EQ(state("run"), end);
  // Not into a folder that holds a run already.
  expect_complaint(run(train(gpt_job, "branch", {"--resume=run/step-00000010"})), {"holds a run that reached step 20"});
  EXPECT_EQ(state("branch"), end);
}

TEST_F(Resume, FromWhatIsNoCheckpoint) {
  make_run(mlp_job, "run");
  for (const std::string place : {"nowhere", "run", "run/step-00000015"})
    expect_complaint(run(train(mlp_job, "run", {"--resume=" + place})),
                     {"[resume] expected a checkpoint", "found " + place});
  EXPECT_EQ(saved_step("run"), 20);
}

TEST_F(Resume, OtherDataAreRefusedUnlessAllowed) {
  make_run(gpt_job, "run");
  const auto end = state("run");
  std::string text = read_file(path("text.txt"));
  text[text.size() / 3] = '!';  // one letter
  folder_.write("other.txt", text);
  const Words other{"--set", "data.text.paths=other.txt"};
  for (const Words& ranks : {Words{}, Words{"-n", "2"}}) {
    Words words = other;
    words.insert(words.end(), ranks.begin(), ranks.end());
    expect_complaint(resume(gpt_job, "run", words),
                     {"step-00000010", "the training data are others", "--set checkpoint.allow_changed_data=true"});
  }
  EXPECT_EQ(state("run"), end);
  EXPECT_EQ(losses("run").size(), 20u);
  Words allowed = other;
  allowed.insert(allowed.end(), {"--set", "checkpoint.allow_changed_data=true"});
  const Ended ended = resume(gpt_job, "run", allowed);
  expect_success(ended);
  EXPECT_EQ(count(ended.out, "the training data are others"), 1) << ended.out;
  // From now on these are the run's data.
  expect_success(run(train(gpt_job, "run", {"--resume", "--set", "steps=22", "--set", "data.text.paths=other.txt"})));
}

TEST_F(Resume, OtherBatchesOrderOrSeedAreRefusedUnlessAllowed) {
  make_run(mlp_job, "run");
  expect_complaint(resume(mlp_job, "run", {"--set", "batch.global=32"}), {"batch.global was 16 and is 32"});
  expect_complaint(resume(mlp_job, "run", {"--set", "seed=5", "--set", "data.order=sequential"}),
                   {"data.order was shuffled and is sequential, seed was 1 and is 5"});
  expect_success(resume(mlp_job, "run", {"--set", "batch.global=32", "--set", "checkpoint.allow_changed_data=true"}));
  EXPECT_EQ(losses("run").size(), 20u);
  // How a batch is divided is another matter.
  expect_success(
      run(train(mlp_job, "run",
                {"--resume", "-n", "2", "--set", "batch.global=32", "--set", "batch.micro=8", "--set", "steps=22"})));
}

TEST_F(Resume, AnotherModelOfEqualShapesIsRefusedUnlessAllowed) {
  make_run(mlp_job, "run");
  const Words tanh{"--set", "model.mlp.activation=tanh"};
  expect_complaint(resume(mlp_job, "run", tanh), {"the model was", "relu", "tanh"});
  expect_success(resume(mlp_job, "run", {"--set", "model.mlp.dropout=0"}));
  EXPECT_EQ(losses("run").size(), 20u);
}

struct Change {
  const char* name;
  const char *before, *after;  // precision.compute
  const char* ranks;           // of the second half
  double tolerance;
};

class ResumeWith : public Resume, public testing::WithParamInterface<Change> {};

// The losses go on as those of the run that was not changed, but for rounding.
TEST_P(ResumeWith, LossesGoOn) {
  const Change& change = GetParam();
  const std::string before = std::string("precision.compute=") + change.before;
  make_run(gpt_job, "run", {"-n", "2", "--set", before});
  const auto all = losses("run");
  const Ended ended =
      resume(gpt_job, "run", {"-n", change.ranks, "--set", std::string("precision.compute=") + change.after});
  expect_success(ended);
  expect_near(losses("run"), all, change.tolerance);
  const bool changed = std::string_view(change.before) != change.after;
  EXPECT_EQ(count(ended.out, "precision.compute was " + std::string(change.before) + " and is " + change.after),
            changed ? 1 : 0)
      << ended.out;
}

INSTANTIATE_TEST_SUITE_P(Changes, ResumeWith,
                         testing::Values(Change{"oneRank", "fp32", "fp32", "1", 2e-5},
                                         Change{"fourRanks", "fp32", "fp32", "4", 2e-5},
                                         Change{"bf16", "fp32", "bf16", "2", 0.02},
                                         Change{"fp16", "fp32", "fp16", "1", 0.02},
                                         Change{"fp32FromBf16", "bf16", "fp32", "4", 0.02},
                                         Change{"bf16FromFp16", "fp16", "bf16", "2", 0.02}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace trireme::test
