// --set: one field of a job by its path.
#include "tests/launcher/job_file.h"

namespace trireme::launcher {
namespace {

TEST_F(JobFile, SetsScalars) {
  const job::Job job = load(small_job, {"steps=7", "schedule.lr=2e-4", "run_dir=out/a b", "model.gpt.bias=false",
                                        "model.gpt.activation=relu", "data.order=sequential", "device=\"cpu\""});
  EXPECT_EQ(job.steps(), 7);
  EXPECT_DOUBLE_EQ(job.schedule().lr(), 2e-4);
  EXPECT_EQ(job.run_dir(), "out/a b");
  EXPECT_FALSE(job.model().gpt().bias());
  EXPECT_EQ(job.model().gpt().activation(), job::relu);
  EXPECT_EQ(job.data().order(), job::Data::sequential);
  EXPECT_EQ(job.device(), "cpu");
}

TEST_F(JobFile, TheLastSetWins) {
  EXPECT_EQ(load(small_job, {"steps=7", "steps=8"}).steps(), 8);
}

TEST_F(JobFile, SetsTextWithAnyCharacters) {
  EXPECT_EQ(load(small_job, {R"(sample.prompt=say "a\b" #1)"}).sample().prompt(), R"(say "a\b" #1)");
  EXPECT_EQ(load(small_job, {R"(sample.prompt="line\n")"}).sample().prompt(), "line\n");
  EXPECT_EQ(load(small_job, {"sample.prompt="}).sample().prompt(), "");
}

TEST_F(JobFile, SetsLists) {
  const char* mlp = "model { mlp { hidden: [1, 2] } } data { synthetic { } }";
  const auto hidden = [&](const Sets& sets) {
    const job::Job job = load(mlp, sets);
    return std::vector<std::int64_t>(job.model().mlp().hidden().begin(), job.model().mlp().hidden().end());
  };
  EXPECT_EQ(hidden({"model.mlp.hidden=[3,4,5]"}), (std::vector<std::int64_t>{3, 4, 5}));
  EXPECT_EQ(hidden({"model.mlp.hidden=6"}), (std::vector<std::int64_t>{6}));
  EXPECT_EQ(hidden({"model.mlp.hidden=[]"}), (std::vector<std::int64_t>{}));
  EXPECT_EQ(hidden({"model.mlp.hidden[1]=9"}), (std::vector<std::int64_t>{1, 9}));
  EXPECT_EQ(hidden({"model.mlp.hidden[0]=9"}), (std::vector<std::int64_t>{9, 2}));
  const job::Job text = load("model { gpt { } } data { text { paths: \"x\" } }", {"data.text.paths=README.md"});
  ASSERT_EQ(text.data().text().paths_size(), 1);
  EXPECT_EQ(text.data().text().paths(0), "README.md");
}

TEST_F(JobFile, SetsWholeMessagesAndChangesOver) {
  const job::Job job =
      load(small_job, {"optimizer={ sgd { } l2: 0.5 }", "model.mlp={hidden: [3]}", "model.mlp.inputs=5"});
  EXPECT_TRUE(job.optimizer().has_sgd());
  EXPECT_FLOAT_EQ(job.optimizer().l2(), 0.5f);
  EXPECT_EQ(job.model().mlp().inputs(), 5);
  EXPECT_EQ(job.model().mlp().hidden(0), 3);
}

TEST_F(JobFile, ASetDoesNotSilentlyDropTheOtherChoice) {
  EXPECT_EQ(
      complaint(small_job, {"model.mlp.inputs=5"}),
      R"(--set: model.mlp is not in this job, which has gpt instead; to change over, write --set model.mlp={} first
     | model.mlp.inputs=5
     |       ^)");
}

TEST_F(JobFile, LaterComplaintsPointAtTheSet) {
  EXPECT_EQ(complaint(small_job, {"model.gpt.heads=3"}),
            R"(--set: model.gpt.heads: expected heads that divide the width; 8 is not a multiple of 3
     | model.gpt.heads=3
     |                 ^)");
  EXPECT_EQ(complaint(small_job, {"schedule.lr=nan"}),
            R"(--set: schedule.lr: expected a number above 0 and of at most 1000, found nan
     | schedule.lr=nan
     |             ^)");
}

struct WrongSet {
  const char* set;
  const char* message;
  int column;  // of the caret
};

class WrongSets : public JobFile, public testing::WithParamInterface<WrongSet> {};

TEST_P(WrongSets, ArePointedAt) {
  const WrongSet& wrong = GetParam();
  const std::string caret = "\n     | " + std::string(static_cast<std::size_t>(wrong.column), ' ') + '^';
  EXPECT_EQ(complaint(small_job, {wrong.set}),
            "--set: " + std::string(wrong.message) + "\n     | " + wrong.set + caret);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, WrongSets,
    testing::Values(
        WrongSet{"model.gpt.layerz=4", "model.gpt has no field \"layerz\"; did you mean \"layers\"?", 10},
        WrongSet{"optimiser.l1=0", "a job has no field \"optimiser\"; did you mean \"optimizer\"?", 0},
        WrongSet{"model.gpt.layers=abc", "model.gpt.layers: expected a whole number from 1 to 10000, found abc", 17},
        WrongSet{"model.gpt.layers=1.5", "model.gpt.layers: expected a whole number from 1 to 10000, found 1.5", 17},
        WrongSet{"model.gpt.layers=", "model.gpt.layers: expected a whole number from 1 to 10000, found nothing", 17},
        WrongSet{"model.gpt.bias=2", "model.gpt.bias: expected true or false, found 2", 15},
        WrongSet{"log=5", "log: expected { ... } with fields every_steps, tensorboard, plot, found 5", 4},
        WrongSet{"log={plots: true}", "log has no field \"plots\"; did you mean \"plot\"?", 5},
        WrongSet{"steps", "expected path.to.key=value, found no =", 5},
        WrongSet{"=5", "expected the name of a field here, as in --set optimizer.adamw.beta1=0.9", 0},
        WrongSet{"log..plot=true", "expected the name of a field here, as in --set optimizer.adamw.beta1=0.9", 4},
        WrongSet{"steps.x=4", "steps has no fields: it is a whole number from 1 to 1000000000000000", 6},
        WrongSet{"steps[0]=4", "steps is not a list", 0},
        WrongSet{"data.text.paths[x]=4", "expected a whole number of at least 0 between [ and ], found \"x\"", 16},
        WrongSet{"steps=3 seed: 5", "steps: expected one value, a whole number from 1 to 1000000000000000", 6}));

TEST_F(JobFile, AnElementThatIsNotThere) {
  EXPECT_EQ(complaint("model { mlp { hidden: [1] } } data { synthetic { } }", {"model.mlp.hidden[1]=5"}),
            R"(--set: model.mlp.hidden[1] is not there: the list has 1 elements
     | model.mlp.hidden[1]=5
     |           ^)");
}

}  // namespace
}  // namespace trireme::launcher
