// The example of layouts: whatever the ranks share, the losses are those of one rank, and a checkpoint of one layout
// goes on under another.
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr double tolerance = 2e-5;

class Layouts : public ProgramTest {
 protected:
  // The job on so many ranks: as threads, or as MPI processes.
  void run_layout(const std::string& name, const std::string& ranks, bool threads, const Words& sets) {
    Words words{"train", LAYOUTS_JOB, "-n", ranks, "--set", "run_dir=" + name, "--set", "evaluate.every_steps=5"};
    if (threads) words.push_back("--ranks-as-threads");
    for (const std::string& set : sets) {
      if (!set.starts_with("--")) words.push_back("--set");
      words.push_back(set);
    }
    SCOPED_TRACE(testing::PrintToString(words));
    Command command = trireme(words);
    command.deadline = 120.0;
    expect_success(run(command));
  }
  void expect_as_one(const std::string& name) {
    SCOPED_TRACE(name);
    ASSERT_EQ(losses(name).size(), 10u);
    expect_near(losses(name), losses("one"), tolerance);
    std::vector<double> got, want;
    for (const nlohmann::json& line : metrics(name)) got.push_back(line.at("grad_norm").get<double>());
    for (const nlohmann::json& line : metrics("one")) want.push_back(line.at("grad_norm").get<double>());
    expect_near(got, want, tolerance);
  }
};

TEST_F(Layouts, GiveTheLossesOfOneRank) {
  run_layout("one", "1", true, {});
  struct Case {
    std::string ranks;
    Words sets;
  };
  const std::vector<Case> cases{
      {"2", {"parallel.zero=1"}},
      {"4", {"parallel.zero=2", "parallel.bucket_mib=0.1"}},
      {"8", {"parallel.zero=3", "parallel.bucket_mib=0.1"}},
      {"2", {"parallel.pipeline=2", "parallel.schedule=gpipe"}},
      {"4", {"parallel.pipeline=4", "parallel.schedule=1f1b"}},
      {"4", {"parallel.pipeline=2", "parallel.schedule=interleaved", "parallel.zero=1"}},
      {"8", {"parallel.pipeline=4", "parallel.schedule=zb_h1", "parallel.zero=2"}},
      {"4", {"parallel.pipeline=2", "parallel.schedule=zb_v", "parallel.zero=3", "parallel.bucket_mib=0.1"}},
      {"8", {"parallel.tensor=2", "parallel.pipeline=2", "parallel.zero=1"}},
      {"4", {"parallel.tensor=4", "parallel.sequence=true"}},
      {"8", {"parallel.tensor=2", "parallel.zero=3", "parallel.zero_ranks=2", "parallel.bucket_mib=0.1"}},
  };
  int number = 0;
  for (const Case& each : cases) {
    const std::string name = "layout " + std::to_string(++number);
    run_layout(name, each.ranks, true, each.sets);
    expect_as_one(name);
  }
}

TEST_F(Layouts, UnderMpirunToo) {
  run_layout("one", "1", true, {});
  run_layout("pipeline", "4", false, {"parallel.pipeline=2", "parallel.zero=1"});
  expect_as_one("pipeline");
  run_layout("zero", "2", false, {"parallel.zero=3", "parallel.bucket_mib=0.1"});
  expect_as_one("zero");
  run_layout("tensor", "4", false, {"parallel.tensor=2", "parallel.sequence=true", "parallel.zero=2"});
  expect_as_one("tensor");
}

TEST_F(Layouts, ACheckpointGoesOnUnderAnother) {
  run_layout("one", "1", true, {});
  run_layout("moving", "4", true, {"parallel.pipeline=2", "parallel.zero=1", "steps=3"});
  run_layout("moving", "4", true, {"parallel.zero=3", "parallel.bucket_mib=0.1", "steps=6", "--resume"});
  run_layout("moving", "4", true, {"parallel.pipeline=4", "parallel.schedule=zb_h1", "steps=8", "--resume"});
  run_layout("moving", "4", true,
             {"parallel.tensor=2", "parallel.sequence=true", "parallel.zero=2", "steps=9", "--resume"});
  run_layout("moving", "1", true, {"--resume"});
  expect_as_one("moving");
}

TEST_F(Layouts, ArePlannedWithoutStartingThem) {
  const Words pipeline{"plan", LAYOUTS_JOB, "-n", "4096", "--set", "batch.global=8192", "--set", "parallel.pipeline=4"};
  Words words = pipeline;
  words.insert(words.end(), {"--timeline", "--svg", "plan.svg"});
  const Ended drawn = run(trireme(words));
  expect_success(drawn);
  EXPECT_EQ(count(drawn.out, "stage 4 of 4 (pipeline 4 x data 1024 x tensor 1)"), 1) << drawn.out;
  EXPECT_EQ(count(drawn.out, "rank    3 |"), 1) << drawn.out;
  // 1F1B: (p - 1) / (m + p - 1) with p = m = 4, and more because stages are not equal.
  const double bubble = std::stod(drawn.out.substr(drawn.out.find("bubble ") + 7));
  EXPECT_GT(bubble, 100.0 * 3 / 7 - 0.1);
  EXPECT_LT(bubble, 60.0);
  EXPECT_NE(read_file(path("plan.svg")).find("<svg"), std::string::npos);
  words = pipeline;
  words.push_back("--json");
  const auto report = nlohmann::json::parse(run(trireme(words)).out);
  ASSERT_EQ(report.at("stages").size(), 4u);
  std::int64_t parameters = 0;
  for (const nlohmann::json& stage : report.at("stages")) parameters += stage.at("parameters").get<std::int64_t>();
  EXPECT_EQ(parameters, 218496 + 256 * 64) << "the embedding is held at both ends";
  EXPECT_EQ(report.at("model_parameters"), 218496);
  EXPECT_GT(report.at("bubble").get<double>(), 3.0 / 7 - 1e-3);
  expect_complaint(run(trireme({"plan", LAYOUTS_JOB, "-n", "2", "--timeline"})), {"parallel.pipeline"});
}

// One rank has a row of the vocabulary more than the other; all else is shared equally.
TEST_F(Layouts, ThatShareLayersArePlannedRankByRank) {
  const auto planned = [&](const Words& more) {
    Words words{"plan", LAYOUTS_JOB, "--json", "--set", "model.gpt.vocabulary=255"};
    words.insert(words.end(), more.begin(), more.end());
    return nlohmann::json::parse(run(trireme(words)).out);
  };
  const auto one = planned({"-n", "1"});
  const auto two = planned({"-n", "4", "--set", "parallel.tensor=2", "--set", "parallel.sequence=true"});
  ASSERT_EQ(two.at("stages").size(), 2u);
  double flops = 0.0;
  int ranks = 0;
  for (const nlohmann::json& kind : two.at("stages")) {
    EXPECT_EQ(kind.at("parameters"), one.at("parameters"));
    flops += kind.at("flops_per_step_per_rank").get<double>() * kind.at("ranks").get<int>();
    ranks += kind.at("ranks").get<int>();
    EXPECT_GT(kind.at("bytes_sent_by_axis").at("tensor").get<double>(), 0.0);
    EXPECT_GT(kind.at("bytes_sent_by_axis").at("data").get<double>(), 0.0);
    const auto& memory = kind.at("memory_by_kind");
    EXPECT_LT(memory.at("weights").get<double>(), 0.55 * one.at("memory_by_kind").at("weights").get<double>());
    EXPECT_LT(memory.at("activations").get<double>(), 0.55 * one.at("memory_by_kind").at("activations").get<double>());
  }
  EXPECT_EQ(ranks, 4);
  EXPECT_NEAR(flops, one.at("flops_per_step_per_rank").get<double>(), 1e-9 * flops) << "nothing is computed twice";
  EXPECT_NEAR(flops, one.at("model_flops_per_step").get<double>(), 0.01 * flops);
}

TEST_F(Layouts, WriteASampleAndAreReadWithoutTheirRanks) {
  for (const Words& more : {Words{"--set", "parallel.tensor=2"}, Words{"--set", "parallel.pipeline=2"}}) {
    const std::string name = more.back();
    Words words{"-n", "2", "--ranks-as-threads", "--set", "steps=3", "--set", "sample.tokens=5"};
    words.insert(words.end(), more.begin(), more.end());
    const Ended ended = run(train(gpt_job, name, words));
    expect_success(ended);
    EXPECT_NE(ended.out.find("--- end of sample ---"), std::string::npos) << ended.out;
    EXPECT_TRUE(std::filesystem::exists(path(name + "/sample.txt")));
    expect_success(run(trireme({"generate", name, "--tokens", "3"})));
    expect_success(run(trireme({"evaluate", name})));
  }
}

TEST_F(Layouts, OfAPipelineAreDrawnAsTheyWere) {
  run_layout("drawn", "2", true, {"parallel.pipeline=2", "steps=3", "--trace=steps=2"});
  const std::string svg = read_file(path("drawn/pipeline.svg"));
  EXPECT_NE(svg.find("1f1b, pipeline 2 x data 1 x tensor 1"), std::string::npos);
  EXPECT_NE(svg.find(">rank 1<"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path("drawn/trace.json")));
}

TEST_F(Layouts, ThatCannotBeAreRefusedWithTheArithmetic) {
  const auto refused = [&](const Words& words, std::initializer_list<std::string_view> phrases) {
    Words all{"train", LAYOUTS_JOB, "--set", "run_dir=refused"};
    all.insert(all.end(), words.begin(), words.end());
    expect_complaint(run(trireme(all)), phrases);
    EXPECT_FALSE(std::filesystem::exists(path("refused")));
  };
  refused({"-n", "6", "--set", "parallel.pipeline=4"}, {"pipeline 4", "pipeline 3 x data 2"});
  refused({"-n", "8", "--set", "parallel.pipeline=8"}, {"pipeline", "4"});
  refused({"-n", "3"}, {"16 samples are not a multiple of 3 ranks"});
  refused({"-n", "2", "--set", "parallel.zero=4"}, {"parallel.zero", "found 4"});
  refused({"-n", "3", "--set", "parallel.tensor=3"},
          {"parallel.tensor", "4 = 1 x 3 + 1", "pipeline 3 x data 1 x tensor 1"});
  refused({"-n", "5", "--set", "parallel.pipeline=5"}, {"parallel.pipeline", "the 4 layers; found 5"});
  refused({"-n", "2", "--set", "parallel.schedule=zbv", "--set", "parallel.pipeline=2"}, {"zb_v"});
}

}  // namespace
}  // namespace trireme::test
