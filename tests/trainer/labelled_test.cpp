// Whole runs on data with classes: pictures and tables, on several ranks, resumed, judged, and with bad files.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "launcher/trainer/entry.h"
#include "runtime/base/error.h"
#include "runtime/data/images/png.h"
#include "runtime/store/run_folder.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

namespace fs = std::filesystem;

constexpr const char* drawn_job = R"(
model { mlp { inputs: 144 hidden: [24] classes: 10 } }
data {
  images { drawn { samples: 150 size: 12 } standardise: true augment { pad: 1 flip: true rotate: 5 cut_out: 3 } }
  split { validation: 0.25 }
}
batch { global: 16 }
optimizer { momentum {} }
schedule { lr: 0.05 }
evaluate { every_steps: 10 batches: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 20
)";

class Labelled : public testing::Test {
 protected:
  // Trains in the folder `name`; returns the exit code.
  int train(const std::string& job, const std::string& name, int ranks, std::vector<std::string> sets = {},
            bool resume = false) {
    launcher::TrainOptions options{.job = folder_.write("job.textproto", job),
                                   .sets = std::move(sets),
                                   .ranks = ranks,
                                   .ranks_as_threads = true,
                                   .resume = resume};
    options.sets.push_back("run_dir=" + folder_ / name);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    int code = 1;
    std::string thrown;  // by a rank that is alone; several say it themselves
    try {
      code = launcher::train(options);
    } catch (const Error& error) {
      thrown = error.what();
    }
    output_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr() + thrown;
    return code;
  }
  // The lines of metrics.jsonl that have `key`.
  std::vector<nlohmann::json> lines(const std::string& name, const std::string& key) const {
    std::istringstream text(test::read_file(folder_ / name + "/metrics.jsonl"));
    std::vector<nlohmann::json> found;
    for (std::string line; std::getline(text, line);)
      if (nlohmann::json object = nlohmann::json::parse(line); object.contains(key)) found.push_back(std::move(object));
    return found;
  }
  void expect_equal_losses(const std::string& got, const std::string& want, double relative) const {
    const auto a = lines(got, "loss"), b = lines(want, "loss");
    ASSERT_EQ(a.size(), b.size());
    ASSERT_FALSE(a.empty());
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double wanted = b[i]["loss"].get<double>();
      EXPECT_NEAR(a[i]["loss"].get<double>(), wanted, relative * std::abs(wanted)) << "step " << i + 1;
    }
  }
  void expect_error(const std::string& job, const std::vector<std::string>& sets, const std::string& words) {
    for (const int ranks : {1, 2}) {
      EXPECT_EQ(train(job, "wrong", ranks, sets), 1);
      EXPECT_NE(errors_.find(words), std::string::npos) << "expected \"" << words << "\", found: " << errors_;
      EXPECT_EQ(errors_.find(words), errors_.rfind(words)) << "said twice: " << errors_;
    }
  }

  test::ScratchFolder folder_;
  std::string output_, errors_;
};

TEST_F(Labelled, RanksComputeWhatOneRankComputes) {
  ASSERT_EQ(train(drawn_job, "one", 1), 0);
  const auto measured = lines("one", "validation_loss");
  ASSERT_EQ(measured.size(), 2u);
  for (const char* key :
       {"accuracy", "top5_accuracy", "precision_macro", "recall_macro", "f1_macro", "f1_micro", "auc"})
    EXPECT_TRUE(measured[0].contains(key)) << key;
  EXPECT_NE(output_.find("accuracy"), std::string::npos);
  for (const int ranks : {2, 4}) {
    ASSERT_EQ(train(drawn_job, std::to_string(ranks), ranks), 0);
    expect_equal_losses(std::to_string(ranks), "one", 2e-5);
  }
  for (const std::vector<std::string>& sets : std::vector<std::vector<std::string>>{
           {"data.images.augment.mix_up=0.4"}, {"data.balance=weights"}, {"data.balance=samples"}, {"batch.micro=4"}}) {
    ASSERT_EQ(train(drawn_job, "one " + sets[0], 1, sets), 0);
    ASSERT_EQ(train(drawn_job, "two " + sets[0], 2, sets), 0);
    expect_equal_losses("two " + sets[0], "one " + sets[0], 2e-5);
  }
}

// 38 samples in batches of 16: the last is short, and shared by fewer ranks than there are.
TEST_F(Labelled, MeasuresOfTheSameWeightsAreTheSameOnAnyNumberOfRanks) {
  const std::vector<std::string> still{"schedule.lr=1e-30", "steps=1"};
  ASSERT_EQ(train(drawn_job, "one", 1, still), 0);
  nlohmann::json one = lines("one", "validation_loss").at(0);
  for (const auto& [ranks, micro] : {std::pair{2, 0}, std::pair{4, 0}, std::pair{2, 2}}) {
    std::vector<std::string> sets = still;
    sets.push_back("batch.micro=" + std::to_string(micro));
    const std::string name = std::to_string(ranks) + " by " + std::to_string(micro);
    ASSERT_EQ(train(drawn_job, name, ranks, sets), 0);
    nlohmann::json other = lines(name, "validation_loss").at(0);
    EXPECT_NEAR(other["validation_loss"].get<double>(), one["validation_loss"].get<double>(), 1e-6);
    other["validation_loss"] = one["validation_loss"];
    EXPECT_EQ(other, one) << "to the last bit";
  }
  std::vector<std::string> stages = still;
  stages.insert(stages.end(), {"parallel.pipeline=2", "parallel.data=2", "batch.micro=2"});
  ASSERT_EQ(train(drawn_job, "stages", 4, stages), 0);
  EXPECT_EQ(lines("stages", "validation_loss").at(0)["accuracy"], one["accuracy"]);
  EXPECT_EQ(lines("stages", "validation_loss").at(0)["auc"], one["auc"]);
}

TEST_F(Labelled, ResumingComputesWhatGoingOnComputes) {
  ASSERT_EQ(train(drawn_job, "whole", 2), 0);
  ASSERT_EQ(train(drawn_job, "parts", 2, {"steps=9"}), 0);
  ASSERT_EQ(train(drawn_job, "parts", 2, {}, true), 0);
  const auto whole = lines("whole", "loss"), parts = lines("parts", "loss");
  ASSERT_EQ(parts.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(parts[i]["loss"], whole[i]["loss"]) << "step " << i + 1;
  EXPECT_EQ(train(drawn_job, "parts", 1, {"data.split.validation=0.3"}, true), 1);
  EXPECT_NE(errors_.find("training data are others"), std::string::npos) << errors_;
}

TEST_F(Labelled, TheRunEndsWhenNoValidationIsBetter) {
  const std::vector<std::string> sets{"schedule.lr=1e-30",       "steps=100",
                                      "evaluate.every_steps=3",  "evaluate.patience=2",
                                      "evaluate.judge=accuracy", "checkpoint.best=true"};
  ASSERT_EQ(train(drawn_job, "run", 2, sets), 0);
  EXPECT_EQ(lines("run", "validation_loss").size(), 3u);
  EXPECT_EQ(lines("run", "loss").size(), 9u);
  EXPECT_NE(output_.find("no validation was better for 2 in a row; the best was accuracy"), std::string::npos)
      << output_;
  EXPECT_EQ(store::latest_checkpoint(folder_ / "run/best").step, 3);
  EXPECT_EQ(store::latest_checkpoint(folder_ / "run").step, 9);
  // What was judged is part of the state: a run that goes on knows that there is no hope.
  ASSERT_EQ(train(drawn_job, "run", 1, sets, true), 0);
  EXPECT_EQ(lines("run", "loss").size(), 9u);

  testing::internal::CaptureStdout();
  ASSERT_EQ(launcher::evaluate({.run = folder_ / "run/best", .sets = {}, .json = true}), 0);
  const nlohmann::json report = nlohmann::json::parse(testing::internal::GetCapturedStdout());
  EXPECT_EQ(report.at("step"), 3);
  EXPECT_EQ(report.at("samples"), 38);
  EXPECT_EQ(report.at("accuracy"), lines("run", "accuracy").at(0).at("accuracy"));
  EXPECT_EQ(report.at("confusion").size(), 100u);
}

TEST_F(Labelled, WhatIsNotMeasuredCannotJudge) {
  expect_error(drawn_job, {"evaluate.judge=dice"}, "evaluate.judge");
}

TEST_F(Labelled, AClassifierLearnsDrawnDigits) {
  ASSERT_EQ(train(drawn_job, "run", 2,
                  {"data.images.drawn.samples=1500", "data.images.drawn.size=16", "model.mlp.inputs=256",
                   "model.mlp.hidden=64", "steps=150", "batch.global=64", "data.images.augment={pad: 1}",
                   "schedule.lr=0.1", "evaluate.every_steps=0"}),
            0);
  EXPECT_GT(lines("run", "accuracy").back()["accuracy"].get<double>(), 0.8);
}

std::string table(int rows) {
  std::string text = "x,y,side,sum,kind\n";
  for (int i = 0; i < rows; ++i) {
    const int x = i * 7 % 23, y = i * 5 % 19;
    text += std::to_string(x) + ',' + std::to_string(y) + ',' + (i % 2 ? "left" : "right") + ',' +
            std::to_string(0.1 * x - 0.2 * y + (i % 2 ? 1.0 : 0.0)) + ',' + (x > y ? "above" : "below") + '\n';
  }
  return text;
}

constexpr const char* table_job = R"(
model { mlp { inputs: 4 hidden: [16] classes: 2 } }
data { split { validation: 0.2 test: 0.1 stratified: true } table { target: "kind" one_hot: "side" leave_out: "sum" } }
batch { global: 20 }
optimizer { adam {} }
schedule { lr: 0.02 }
evaluate { every_steps: 0 batches: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 150
)";

TEST_F(Labelled, TablesOfClassesAndOfNumbers) {
  const std::string path = "data.table.paths=" + folder_.write("t.csv", table(300));
  ASSERT_EQ(train(table_job, "classes", 2, {path}), 0);
  EXPECT_GT(lines("classes", "accuracy").back()["auc"].get<double>(), 0.95);
  testing::internal::CaptureStdout();
  ASSERT_EQ(launcher::evaluate({.run = folder_ / "classes", .sets = {}, .test = true, .json = true}), 0);
  const nlohmann::json report = nlohmann::json::parse(testing::internal::GetCapturedStdout());
  EXPECT_EQ(report.at("samples"), 30);
  EXPECT_EQ(report.at("roc").front(), nlohmann::json({{"fpr", 0.0}, {"tpr", 0.0}}));
  EXPECT_EQ(report.at("roc").back(), nlohmann::json({{"fpr", 1.0}, {"tpr", 1.0}}));

  const std::vector<std::string> numbers{path,
                                         "data.table.target=sum",
                                         "data.table.leave_out=kind",
                                         "data.table.kind=numbers",
                                         "data.split.stratified=false",
                                         "model.mlp.objective=mse",
                                         "model.mlp.classes=1"};
  ASSERT_EQ(train(table_job, "numbers", 1, numbers), 0);
  EXPECT_LT(lines("numbers", "mae").back()["mae"].get<double>(), 0.2);
  EXPECT_GT(lines("numbers", "mae").back()["r2"].get<double>(), 0.95);
  ASSERT_EQ(train(table_job, "two", 2, numbers), 0);
  expect_equal_losses("two", "numbers", 1e-3);
}

TEST_F(Labelled, WrongTablesAreNamed) {
  const std::string path = folder_.write("t.csv", table(20) + "1,two,left,0,above\n");
  expect_error(table_job, {"data.table.paths=" + path}, "t.csv: line 22, column y: expected a number, found \"two\"");
  expect_error(table_job, {"data.table.paths=" + path, "data.table.skip_bad=true", "model.mlp.inputs=5"},
               "expected 4 for the table's features, found 5");
  EXPECT_EQ(train(table_job, "skipped", 1, {"data.table.paths=" + path, "data.table.skip_bad=true", "steps=2"}), 0);
  EXPECT_NE(output_.find("left out 1 of 21 samples"), std::string::npos) << output_;
}

class PictureFolders : public Labelled {
 protected:
  PictureFolders() {
    for (int i = 0; i < 12; ++i)
      for (const std::string name : {"dark", "light"})
        write(name, i,
              data::encode_png(data::Image({9, 7, 3}, static_cast<std::uint8_t>(name == "dark" ? i : 200 + i))));
  }
  void write(const std::string& name, int i, const std::string& bytes) {
    folder_.write("set/" + name + "/" + std::to_string(i) + ".png", bytes);
  }
  std::vector<std::string> sets(std::vector<std::string> more = {}) const {
    more.push_back("data.images.folder.train=" + folder_ / "set");
    return more;
  }
  const char* job_ = R"(
model { mlp { inputs: 48 hidden: [8] classes: 2 } }
data { images { folder { size { height: 4 width: 4 } } } split { stratified: true } }
batch { global: 8 }
schedule { lr: 0.01 }
evaluate { every_steps: 0 batches: 0 }
checkpoint { every_steps: 0 }
threads: 2
steps: 12
)";
};

TEST_F(PictureFolders, AreLearnt) {
  ASSERT_EQ(train(job_, "one", 1, sets({"steps=60"})), 0) << errors_;
  EXPECT_EQ(lines("one", "accuracy").back()["accuracy"], 1.0);
  ASSERT_EQ(train(job_, "two", 2, sets({"steps=60", "data.images.cache_mib=0", "data.workers=3"})), 0);
  expect_equal_losses("two", "one", 2e-5);
}

TEST_F(PictureFolders, BadFilesEndTheRunOrAreCounted) {
  write("light", 3, data::encode_png(data::Image({9, 7, 3}, 200)).substr(0, 60));
  write("dark", 5, "nothing");
  expect_error(job_, sets({"evaluate.batches=1", "data.order=sequential"}), "5.png: expected a JPEG or PNG file");
  ASSERT_EQ(train(job_, "run", 2, sets({"data.images.skip_bad=true"})), 0) << errors_;
  EXPECT_NE(output_.find("left out 2 of 24 samples; the first: [image] " + folder_ / "set/dark/5.png"),
            std::string::npos)
      << output_;
}

TEST_F(PictureFolders, ClassesMustBeThoseOfTheModel) {
  expect_error(job_, sets({"model.mlp.classes=3"}), "expected a folder for each of the model's 3 classes, found 2");
  expect_error(job_, sets({"data.images.folder.classes=[\"dark\", \"grey\"]"}),
               "set/grey: the folder of this class is missing");
  expect_error(job_, sets({"model.mlp.inputs=49"}), "expected 48 for pictures of 4 x 4 x 3 found 49");
}

}  // namespace
}  // namespace trireme
