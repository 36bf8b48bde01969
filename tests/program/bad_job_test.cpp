// Jobs that are wrong: one message that points at the place, before anything is started or written.
#include <sys/stat.h>

#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

struct BadJob {
  const char* name;
  std::vector<std::string> sets;  // over mlp_job, or over gpt_job where one of them is of gpt
  std::vector<std::string_view> phrases;
};

class BadJobs : public ProgramTest, public testing::WithParamInterface<BadJob> {
 protected:
  // The message for the job, on one rank and on several: it is the same, said once, and nothing is left behind.
  void expect_refusal(const std::string& job, const Words& sets, const std::vector<std::string_view>& phrases) {
    std::string first;
    for (const Words& ranks : {Words{}, Words{"-n", "2"}, Words{"-n", "2", "--ranks-as-threads"}, Words{"--dry-run"}}) {
      Words arguments = ranks;
      for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
      const Ended ended = run(train(job, "run", arguments));
      expect_complaint(ended, {});
      for (const std::string_view phrase : phrases)
        EXPECT_GE(count(ended.err, phrase), 1) << phrase << "\n" << ended.err;
      EXPECT_LT(ended.seconds, 3.0 * patience);
      EXPECT_FALSE(fs::exists(path("run")));
      if (first.empty()) first = ended.err;
      EXPECT_EQ(ended.err, first);
    }
  }
};

TEST_P(BadJobs, AreRefusedBeforeAnythingStarts) {
  bool gpt = false;
  for (const std::string& set : GetParam().sets)
    gpt = gpt || set.find("gpt") != std::string::npos || set.find("data.text") == 0;
  expect_refusal(gpt ? gpt_job : mlp_job, GetParam().sets, GetParam().phrases);
}

INSTANTIATE_TEST_SUITE_P(
    Jobs, BadJobs,
    testing::Values(BadJob{"unknownKey", {"stepz=3"}, {"\"stepz\"", "did you mean \"steps\"?"}},
                    BadJob{"unknownNestedKey", {"model.gpt.layer=3"}, {"\"layer\"", "did you mean \"layers\"?"}},
                    BadJob{"wrongType", {"steps=many"}, {"steps", "many"}},
                    BadJob{"fractionOfAStep", {"steps=1.5"}, {"steps", "1.5"}},
                    BadJob{"negativeSteps", {"steps=-1"}, {"steps", "found -1"}},
                    BadJob{"negativeWidth", {"model.gpt.width=-8"}, {"model.gpt.width", "found -8"}},
                    BadJob{"negativeHidden", {"model.mlp.hidden=[16, -3]"}, {"model.mlp.hidden", "found -3"}},
                    BadJob{"octalSteps", {"steps=010"}, {"steps: expected a number without leading zeros, found 010"}},
                    BadJob{"octalHidden", {"model.mlp.hidden=[16, 016]"}, {"without leading zeros"}},
                    BadJob{"fieldOfAnotherRule", {"optimizer.sgd.momentum=3"}, {"optimizer.sgd has no field"}},
                    BadJob{"tinyLossScale", {"precision.loss_scale.initial=1e-40"}, {"from 1 to 16777216"}},
                    BadJob{"noBatch", {"batch.global=0"}, {"batch.global", "found 0"}},
                    BadJob{"hugeSteps", {"steps=99999999999999999999"}, {"steps", "99999999999999999999"}},
                    BadJob{"rateIsNotANumber", {"schedule.lr=nan"}, {"schedule.lr", "found nan"}},
                    BadJob{"infiniteRate", {"schedule.lr=inf"}, {"schedule.lr", "found inf"}},
                    BadJob{"noRate", {"schedule.lr=0"}, {"schedule.lr", "found 0"}},
                    BadJob{"headsThatDoNotDivide",
                           {"model.gpt.heads=5"},
                           {"heads that divide the width", "32 is not a multiple of 5"}},
                    BadJob{"microThatDoesNotDivide", {"batch.micro=3"}, {"batch.micro", "16 is not a multiple of 3"}},
                    BadJob{"ranksThatDoNotDivide", {"parallel.data=3"}, {}},
                    BadJob{"unknownChoice", {"device=gpu"}, {"device", "\"gpu\"", "cuda"}},
                    BadJob{"unknownEnum", {"model.gpt.activation=gleu"}, {"gleu", "did you mean gelu?"}},
                    BadJob{"noValue", {"steps="}, {"steps"}}, BadJob{"noKey", {"=3"}, {"=3"}},
                    BadJob{"noEquals", {"steps"}, {"--set"}}, BadJob{"nothing", {""}, {"--set"}},
                    BadJob{"intoAValue", {"steps.more=3"}, {"steps"}},
                    BadJob{"twoModels", {"model={gpt{} mlp{}}"}, {"model"}},
                    BadJob{"brokenBraces", {"model={gpt{"}, {"model"}}),
    [](const auto& each) { return each.param.name; });

class BadJobFiles : public BadJobs {};

TEST_F(BadJobFiles, MistakesInTheFileHaveALineAndAColumn) {
  const std::string job = mlp_job;
  expect_refusal(job + "modle { }\n", {}, {"job.textproto:8:1:", "\"modle\"", "did you mean \"model\"?"});
  expect_refusal(job + "seed: \"one\"\n", {}, {"job.textproto:8:7:", "\"one\""});
  expect_refusal(job + "steps: 5\n", {}, {"job.textproto:8:", "steps"});
  expect_refusal(job + "seed: 017  # \"\n", {}, {"job.textproto:8:7:", "without leading zeros"});
  expect_refusal(job + "log { every_steps: -2 }\n", {}, {"job.textproto:8:20:", "log.every_steps", "found -2"});
  expect_refusal(job + "log { every_steps: 2\n", {}, {"job.textproto:"});
  std::string widths = "1";
  for (int layer = 0; layer < 10000; ++layer) widths += ",1";
  expect_refusal("model { mlp { hidden: [" + widths + "] } }\ndata { synthetic { } }\n", {},
                 {"job.textproto:1:", "model.mlp.hidden", "at most 10000 layers, found 10001"});
  expect_refusal("steps: 3\n", {}, {"expected a model"});
  expect_refusal("", {}, {"expected a model"});
}

TEST_F(BadJobFiles, FilesThatAreNoJobs) {
  const auto refusal = [&](const std::string& file) {
    Command command = trireme({"train", file, "-n", "2"});
    command.heeds_permissions = true;
    const Ended ended = run(command);
    SCOPED_TRACE(file);
    expect_complaint(ended, {file});
    return ended.err;
  };
  EXPECT_EQ(count(refusal("missing.textproto"), "No such file"), 1);
  fs::create_directory(path("folder"));
  refusal("folder");
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  refusal("fifo");
  refusal("/dev/zero");
  folder_.write("binary", std::string("\x7f"
                                      "ELF\0\1\2\3\xff\xfe",
                                      10));
  refusal("binary");
  folder_.write("utf16", std::string("\xff\xfes\0t\0", 6));
  EXPECT_GE(count(refusal("utf16"), "UTF-8"), 1);
  folder_.write("large", std::string(std::size_t{3} << 20, '#'));
  refusal("large");
  std::string deep = "model { ";
  for (int i = 0; i < 5000; ++i) deep += "gpt { ";
  folder_.write("deep", deep);
  refusal("deep");
  folder_.write("closed", mlp_job);
  fs::permissions(path("closed"), fs::perms::none);
  EXPECT_EQ(count(refusal("closed"), "Permission denied"), 1);
}

TEST_F(BadJobFiles, WhatEditorsAddIsNoMistake) {
  std::string lines = "\xef\xbb\xbf";
  for (const char* c = mlp_job; *c; ++c) lines += *c == '\n' ? std::string("\r\n") : std::string(1, *c);
  expect_success(run(train(lines, "windows")));
  expect_success(run(train(mlp_job, "unix")));
  EXPECT_EQ(losses("windows"), losses("unix"));
}

}  // namespace
}  // namespace trireme::test
