// Networks for images through the train command's own path: batch norm over ranks, resuming. (Sharding is in
// tests/layouts.)
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "launcher/trainer/entry.h"
#include "runtime/store/checkpoint.h"
#include "runtime/store/run_folder.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

constexpr const char* common = R"(
data { synthetic { samples: 64 } }
batch { global: 8 }
optimizer { momentum {} }
schedule { lr: 0.01 }
evaluate { every_steps: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 4
)";
const std::string lenet = "model { lenet { size: 28 channels: 1 classes: 5 } }";
const std::string resnet = "model { resnet { depth: 18 size: 8 channels: 3 classes: 5 small: true } }";

class Images : public testing::Test {
 protected:
  // Trains in the folder `name`; returns the exit code.
  int train(const std::string& model, const std::string& name, int ranks, std::vector<std::string> sets = {},
            bool resume = false) {
    launcher::TrainOptions options{.job = folder_.write("job.textproto", model + common),
                                   .sets = std::move(sets),
                                   .ranks = ranks,
                                   .ranks_as_threads = true,
                                   .resume = resume};
    options.sets.push_back("run_dir=" + (folder_ / name));
    testing::internal::CaptureStdout();
    const int code = launcher::train(options);
    testing::internal::GetCapturedStdout();
    return code;
  }
  std::vector<double> losses(const std::string& name) const {
    std::ifstream file(folder_ / name + "/metrics.jsonl");
    std::vector<double> values;
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json entry = nlohmann::json::parse(line);
      if (entry.contains("loss")) values.push_back(entry.at("loss").get<double>());
    }
    return values;
  }
  void expect_close(const std::string& got, const std::string& want, double relative) const {
    const std::vector<double> a = losses(got), b = losses(want);
    ASSERT_EQ(a.size(), 4u);
    ASSERT_EQ(b.size(), 4u);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], relative * b[i]) << got << ", step " << i + 1;
  }
  // A tensor of a run's newest checkpoint.
  std::vector<float> saved(const std::string& name, const std::string& tensor) const {
    const store::CheckpointReader reader(store::latest_checkpoint(folder_ / name).path);
    std::vector<float> values(static_cast<std::size_t>(reader.find(tensor)->shape.numel()));
    reader.read(tensor, 0, static_cast<std::int64_t>(values.size()), values.data());
    return values;
  }

  test::ScratchFolder folder_;
};

TEST_F(Images, LeNetOnRanksAndInPartsComputesWhatOneRankComputes) {
  ASSERT_EQ(train(lenet, "one", 1), 0);
  ASSERT_EQ(train(lenet, "two", 2), 0);
  ASSERT_EQ(train(lenet, "micro", 2, {"batch.micro=2"}), 0);
  expect_close("two", "one", 2e-5);
  expect_close("micro", "one", 2e-5);
}

TEST_F(Images, ResNetSharesItsBatchOverRanks) {
  ASSERT_EQ(train(resnet, "one", 1), 0);
  for (const int ranks : {2, 4}) {
    const std::string name = std::to_string(ranks);
    ASSERT_EQ(train(resnet, name, ranks), 0);
    expect_close(name, "one", 1e-3);
  }
}

TEST_F(Images, RunningStatisticsAreResumed) {
  ASSERT_EQ(train(resnet, "whole", 2), 0);
  ASSERT_EQ(train(resnet, "halves", 2, {"checkpoint.every_steps=2", "checkpoint.keep=5"}), 0);
  std::filesystem::remove_all(store::checkpoint_path(folder_ / "halves", 4));
  ASSERT_EQ(train(resnet, "halves", 2, {}, true), 0);
  EXPECT_EQ(saved("halves", "stem.norm.running_mean"), saved("whole", "stem.norm.running_mean"));
  EXPECT_EQ(saved("halves", "stages.3.1.main.1.norm.running_variance"),
            saved("whole", "stages.3.1.main.1.norm.running_variance"));
}

TEST_F(Images, OwnStatisticsTrainToo) {
  ASSERT_EQ(train(resnet, "own", 2, {"parallel.shared_batch_norm=false"}), 0);
  EXPECT_EQ(losses("own").size(), 4u);
}

TEST_F(Images, SixteenBitsTrain) {
  // Steps so small that what is rounded does not grow.
  ASSERT_EQ(train(resnet, "wide", 1, {"schedule.lr=1e-4"}), 0);
  ASSERT_EQ(train(resnet, "narrow", 1, {"schedule.lr=1e-4", "precision.compute=bf16"}), 0);
  expect_close("narrow", "wide", 0.03);
}

}  // namespace
}  // namespace trireme
