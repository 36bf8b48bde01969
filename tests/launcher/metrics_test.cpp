#include "launcher/report/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "launcher/report/json_line.h"
#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

StepMetrics at_step(std::int64_t step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = 1.0 / static_cast<double>(step);
  return metrics;
}

TEST(JsonLine, IsJson) {
  const std::string text = JsonLine()
                               .add("a \"quoted\"\n\x01 name", "back\\slash \xc3\xa4")
                               .add("pi", 0.1 + 0.2)
                               .add("big", std::int64_t{1} << 60)
                               .add("yes", true)
                               .add("nan", std::nan(""))
                               .add("infinite", -std::numeric_limits<double>::infinity())
                               .add_json("list", "[1,2]")
                               .text();
  const nlohmann::json read = nlohmann::json::parse(text);
  EXPECT_EQ(read["a \"quoted\"\n\x01 name"], "back\\slash \xc3\xa4");
  EXPECT_EQ(read["pi"].get<double>(), 0.1 + 0.2);
  EXPECT_EQ(read["big"].get<std::int64_t>(), std::int64_t{1} << 60);
  EXPECT_EQ(read["yes"], true);
  EXPECT_TRUE(read["nan"].is_null());
  EXPECT_TRUE(read["infinite"].is_null());
  EXPECT_EQ(read["list"].size(), 2u);
  EXPECT_EQ(JsonLine().text(), "{}");
}

TEST(Metrics, AStepsFields) {
  StepMetrics metrics{.step = 3,
                      .loss = 2.5,
                      .grad_norm = 0.5,
                      .lr = 1e-3,
                      .samples_per_s = 10,
                      .tokens_per_s = 20,
                      .step_ms = 4,
                      .skipped = true};
  EXPECT_EQ(to_json(metrics), R"({"step":3,"loss":2.5,"grad_norm":0.5,"lr":0.001,"samples_per_s":10,"tokens_per_s":20,)"
                              R"("step_ms":4,"skipped":true})");
  metrics.tokens_per_s = 0;
  metrics.loss = std::nan("");
  const nlohmann::json read = nlohmann::json::parse(to_json(metrics));
  EXPECT_TRUE(read["tokens_per_s"].is_null());
  EXPECT_TRUE(read["loss"].is_null());
  EXPECT_EQ(to_json(Validation{100, 2.25}), R"({"step":100,"validation_loss":2.25})");
  Validation measured{100, 2.25};
  measured.measures.add("accuracy", 0.5);
  measured.measures.add("auc", std::nan(""));
  EXPECT_EQ(to_json(measured), R"({"step":100,"validation_loss":2.25,"accuracy":0.5,"auc":null})");
}

class MetricsFile : public testing::Test {
 protected:
  void write(std::int64_t first, std::int64_t last, std::int64_t resumed) {
    MetricsLog log(path_, resumed);
    for (std::int64_t step = first; step <= last; ++step) {
      log.add(at_step(step));
      if (step % 2 == 0) log.add(Validation{step, 9.0});
    }
  }

  std::string steps() const {
    std::string text;
    for (const Validation& point : read_curves(path_).training) text += std::to_string(point.step) + ' ';
    return text;
  }

  test::ScratchFolder folder_;
  std::string path_ = folder_ / "metrics.jsonl";
};

TEST_F(MetricsFile, ResumedRunsGoOnWhereTheCheckpointIs) {
  write(1, 6, 0);
  write(5, 8, 4);
  EXPECT_EQ(steps(), "1 2 3 4 5 6 7 8 ");
  EXPECT_EQ(read_curves(path_).validation.size(), 4u);
}

TEST_F(MetricsFile, ANewRunBeginsAnew) {
  write(1, 6, 0);
  write(1, 2, 0);
  EXPECT_EQ(steps(), "1 2 ");
}

TEST_F(MetricsFile, ALineCutShortByAKillIsDropped) {
  write(1, 4, 0);
  const std::string text = test::read_file(path_);
  folder_.write("metrics.jsonl", text.substr(0, text.size() - 30));
  write(5, 5, 4);
  EXPECT_EQ(steps(), "1 2 3 4 5 ");
  for (const char c : test::read_file(path_)) EXPECT_NE(c, '\0');
}

TEST_F(MetricsFile, WhatSomebodyElseWroteIsKept) {
  folder_.write("metrics.jsonl", "# my note\n" + to_json(at_step(1)) + "\n" + to_json(at_step(2)) + "\n");
  write(2, 3, 1);
  EXPECT_EQ(steps(), "1 2 3 ");
  EXPECT_EQ(test::read_file(path_).find("# my note\n"), 0u);
}

TEST_F(MetricsFile, FullDisksAreReported) {
  MetricsLog log("/dev/full", 0);
  const std::string said = test::message_of<Error>([&] { log.add(at_step(1)); });
  EXPECT_EQ(said,
            "[metrics] /dev/full: cannot be written: No space left on device; free some space; "
            "checkpoints saved before are untouched");
}

}  // namespace
}  // namespace trireme::launcher
