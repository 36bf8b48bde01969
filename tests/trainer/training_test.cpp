// Whole runs through the train command's own path: splits, accumulation, resuming, precision.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "launcher/trainer/entry.h"
#include "runtime/store/checkpoint.h"
#include "runtime/store/run_folder.h"

namespace trireme {
namespace {

namespace fs = std::filesystem;
using launcher::TrainOptions;

constexpr const char* gpt_job = R"(
model { gpt { layers: 2 heads: 2 width: 32 sequence: 16 vocabulary: 64 dropout: 0.1 } }
data { synthetic { samples: 64 } }
batch { global: 8 }
optimizer { adamw {} }
schedule { lr: 3e-3 warmup_steps: 3 cosine {} }
clip { norm: 0.5 }
parallel { bucket_mib: 0.02 }
evaluate { every_steps: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 20
)";

constexpr const char* mlp_job = R"(
model { mlp { inputs: 20 hidden: [16, 16] classes: 5 dropout: 0.2 } }
data { synthetic { samples: 100 } }
batch { global: 16 }
optimizer { momentum {} }
schedule { lr: 0.05 }
evaluate { every_steps: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 20
)";

class Training : public testing::Test {
 protected:
  Training() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Training() override { fs::remove_all(folder_); }

  std::string write_job(const std::string& text) {
    const std::string path = (folder_ / "job.textproto").string();
    std::ofstream(path) << text;
    return path;
  }

  // Trains in the folder `name`; returns the exit code.
  int train(const std::string& text, const std::string& name, int ranks, std::vector<std::string> sets = {},
            bool resume = false) {
    TrainOptions options{
        .job = write_job(text), .sets = std::move(sets), .ranks = ranks, .ranks_as_threads = true, .resume = resume};
    options.sets.push_back("run_dir=" + run_dir(name));
    testing::internal::CaptureStdout();
    const int code = launcher::train(options);
    output_ = testing::internal::GetCapturedStdout();
    return code;
  }
  std::string run_dir(const std::string& name) const { return (folder_ / name).string(); }

  std::vector<nlohmann::json> metrics(const std::string& name) const {
    std::ifstream file(run_dir(name) + "/metrics.jsonl");
    std::vector<nlohmann::json> steps;
    for (std::string line; std::getline(file, line);) {
      nlohmann::json entry = nlohmann::json::parse(line);
      if (entry.contains("loss")) steps.push_back(entry);
    }
    return steps;
  }
  std::vector<double> losses(const std::string& name) const {
    std::vector<double> values;
    for (const auto& entry : metrics(name)) values.push_back(entry.at("loss").get<double>());
    return values;
  }
  void expect_equal_losses(const std::string& got, const std::string& want, double relative = 2e-5) const {
    const std::vector<double> a = losses(got), b = losses(want);
    ASSERT_EQ(a.size(), b.size());
    ASSERT_GE(a.size(), 20u);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], relative * b[i]) << "step " << i + 1;
  }

  // Every tensor of a run's newest checkpoint.
  std::map<std::string, std::vector<float>> state(const std::string& name) const {
    const store::CheckpointReader reader(store::latest_checkpoint(run_dir(name)).path);
    std::map<std::string, std::vector<float>> values;
    for (const store::ManifestTensor& tensor : reader.tensors()) {
      auto& data = values[tensor.name];
      data.resize(static_cast<std::size_t>(tensor.shape.numel()));
      reader.read(tensor.name, 0, tensor.shape.numel(), data.data());
    }
    return values;
  }

  fs::path folder_ = fs::temp_directory_path() / ("trireme-training-" + std::to_string(::getpid()));
  std::string output_;
};

class EveryModel : public Training, public testing::WithParamInterface<const char*> {};

TEST_P(EveryModel, RanksComputeWhatOneRankComputes) {
  ASSERT_EQ(train(GetParam(), "one", 1), 0);
  for (const int ranks : {2, 4}) {
    const std::string name = std::to_string(ranks) + " ranks";
    ASSERT_EQ(train(GetParam(), name, ranks), 0);
    expect_equal_losses(name, "one");
  }
}

TEST_P(EveryModel, AccumulationComputesWhatOnePassComputes) {
  ASSERT_EQ(train(GetParam(), "one", 1), 0);
  ASSERT_EQ(train(GetParam(), "micro", 1, {"batch.micro=2"}), 0);
  expect_equal_losses("micro", "one");
  ASSERT_EQ(train(GetParam(), "both", 2, {"batch.micro=2"}), 0);
  expect_equal_losses("both", "one");
}

TEST_P(EveryModel, ResumingOnTheSameRanksGivesTheSameBits) {
  ASSERT_EQ(train(GetParam(), "whole", 2), 0);
  ASSERT_EQ(train(GetParam(), "halves", 2, {"checkpoint.every_steps=10", "checkpoint.keep=5"}), 0);
  fs::remove_all(store::checkpoint_path(run_dir("halves"), 20));  // as if it had died after step 10
  ASSERT_EQ(train(GetParam(), "halves", 2, {}, true), 0);
  EXPECT_NE(output_.find("resumed after step 10"), std::string::npos) << output_;
  EXPECT_EQ(losses("halves"), losses("whole"));
  EXPECT_EQ(state("halves"), state("whole"));
}

TEST_P(EveryModel, ResumingOnOtherRanksGivesTheSameLosses) {
  ASSERT_EQ(train(GetParam(), "whole", 2), 0);
  for (const int ranks : {1, 4}) {
    const std::string name = "then " + std::to_string(ranks);
    ASSERT_EQ(train(GetParam(), name, 2, {"checkpoint.every_steps=10", "checkpoint.keep=5"}), 0);
    fs::remove_all(store::checkpoint_path(run_dir(name), 20));
    ASSERT_EQ(train(GetParam(), name, ranks, {}, true), 0);
    expect_equal_losses(name, "whole");
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, testing::Values(gpt_job, mlp_job),
                         [](const auto& test) { return test.index == 0 ? "gpt" : "mlp"; });

TEST_F(Training, RecomputationGivesTheSameBits) {
  ASSERT_EQ(train(gpt_job, "kept", 2), 0);
  ASSERT_EQ(train(gpt_job, "recomputed", 2, {"recompute=block"}), 0);
  EXPECT_EQ(losses("recomputed"), losses("kept"));
  EXPECT_EQ(state("recomputed"), state("kept"));
}

TEST_F(Training, OverlapDoesNotChangeTheBits) {
  ASSERT_EQ(train(gpt_job, "buckets", 2), 0);
  ASSERT_EQ(train(gpt_job, "one bucket", 2, {"parallel.bucket_mib=1000"}), 0);
  EXPECT_EQ(state("buckets"), state("one bucket"));
}

TEST_F(Training, SixteenBitsStayNearFullPrecision) {
  ASSERT_EQ(train(gpt_job, "fp32", 2), 0);
  for (const std::string precision : {"bf16", "fp16"}) {
    ASSERT_EQ(train(gpt_job, precision, 2, {"precision.compute=" + precision}), 0);
    expect_equal_losses(precision, "fp32", 0.02);
  }
}

// A byte model of text that has something to be learnt, in three precisions from one start.
TEST_F(Training, EightBitsConvergeLikeSixteen) {
  std::ofstream text(folder_ / "text.txt");
  for (int i = 0; i < 800; ++i)
    text << "the " << i * 7 % 91 << "th boat has " << i % 13 << " oars on each of " << i % 3 + 1 << " sides;\n";
  text.close();
  const std::string job = R"(
model { gpt { layers: 2 heads: 2 width: 64 sequence: 32 } }
data { text { paths: ")" + (folder_ / "text.txt").string() +
                          R"(" } }
batch { global: 8 }
schedule { lr: 3e-3 warmup_steps: 10 cosine {} }
clip { norm: 1 }
evaluate { every_steps: 0 batches: 0 }
checkpoint { every_steps: 0 on_exit: false }
threads: 1
steps: 120
)";
  std::map<std::string, double> last;
  for (const std::string precision : {"bf16", "fp8"}) {
    ASSERT_EQ(train(job, precision, 1, {"precision.compute=" + precision}), 0);
    const std::vector<double> all = losses(precision);
    for (std::size_t i = all.size() - 10; i < all.size(); ++i) last[precision] += all[i] / 10;
    EXPECT_LT(last[precision], 0.35 * all.front()) << precision;
  }
  EXPECT_NE(output_.find("fp8: the products of 8 of 8 linear layers have factors of 8 bits"), std::string::npos)
      << output_;
  EXPECT_NE(losses("fp8"), losses("bf16"));
  EXPECT_NEAR(last["fp8"], last["bf16"], 0.03 * last["bf16"]);

  ASSERT_EQ(train(job, "rounded", 1, {"precision.compute=bf16", "optimizer.stochastic_rounding=true"}), 0);
  double mean = 0.0;
  for (std::size_t i = 110; i < 120; ++i) mean += losses("rounded")[i] / 10;
  EXPECT_NEAR(mean, last["bf16"], 0.03 * last["bf16"]);
}

TEST_F(Training, EightBitsSayWhatTheyCannotDo) {
  const auto told = [&](const std::string& job, const std::vector<std::string>& sets) -> std::string {
    try {
      train(job, "refused", 1, sets);
    } catch (const Error& error) {
      testing::internal::GetCapturedStdout();
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  };
  const std::string rows = told(gpt_job, {"precision.compute=fp8", "model.gpt.sequence=9", "batch.micro=2"});
  EXPECT_NE(rows.find("2 samples x 9 = 18"), std::string::npos) << rows;
  const std::string sizes = told(mlp_job, {"precision.compute=fp8", "model.mlp.hidden=[24]"});
  EXPECT_NE(sizes.find("expected linear layers whose sizes are multiples of 16, found none in"), std::string::npos)
      << sizes;
  EXPECT_NE(sizes.find("(20 -> 24)"), std::string::npos) << sizes;
  ASSERT_EQ(train(mlp_job, "some", 1, {"precision.compute=fp8"}), 0);
  EXPECT_NE(output_.find("fp8: the products of 1 of 3 linear layers"), std::string::npos) << output_;
  const std::string recurrent =
      told(gpt_job, {"model={recurrent{width: 32 vocabulary: 64 sequence: 16}}", "precision.compute=fp8"});
  EXPECT_NE(recurrent.find("found none at all"), std::string::npos) << recurrent;
  const std::string llama =
      "model={llama{layers: 1 heads: 2 kv_heads: 1 width: 32 hidden: 48 sequence: 16 vocabulary: 64}}";
  ASSERT_EQ(train(gpt_job, "llama", 1, {llama, "steps=1", "schedule.warmup_steps=0", "precision.compute=fp8"}),
            0);  // its output layer is the loss's
  EXPECT_NE(output_.find("fp8: the products of 4 of 4 linear layers"), std::string::npos) << output_;
  testing::internal::CaptureStdout();
  launcher::train({.job = write_job(mlp_job), .sets = {"precision.compute=fp8"}, .ranks = 1, .dry_run = true});
  const std::string plan = testing::internal::GetCapturedStdout();
  // 16 x 16 of 20 x 16 + 16 x 16 + 16 x 5; the first layer has no gradient of its input to compute.
  EXPECT_NE(plan.find("46.6 % of it in 8 bits"), std::string::npos) << plan;
}

TEST_F(Training, AnOverflowSkipsTheStepOnEveryRankAndHalvesTheScale) {
  // 2^24 times the gradients of the first step overflows fp16.
  ASSERT_EQ(train(gpt_job, "overflow", 2, {"precision.compute=fp16", "precision.loss_scale.initial=16777216"}), 0);
  ASSERT_EQ(train(gpt_job, "overflow alone", 1, {"precision.compute=fp16", "precision.loss_scale.initial=16777216"}),
            0);
  const auto two = metrics("overflow"), one = metrics("overflow alone");
  EXPECT_TRUE(two.front().at("skipped").get<bool>());
  EXPECT_FALSE(two.back().at("skipped").get<bool>());
  for (std::size_t i = 0; i < two.size(); ++i) EXPECT_EQ(two[i].at("skipped"), one[i].at("skipped")) << "step " << i;
}

TEST_F(Training, EveryOptimizerLearns) {
  for (const std::string rule : {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"}) {
    const std::string lr = rule == "sgd" || rule == "adagrad"    ? "0.1"
                           : rule[0] == 'a' || rule == "rmsprop" ? "0.005"
                                                                 : "0.02";
    ASSERT_EQ(
        train(mlp_job, rule, 1, {"optimizer={" + rule + "{}}", "schedule.lr=" + lr, "steps=60", "model.mlp.dropout=0"}),
        0);
    const std::vector<double> values = losses(rule);
    EXPECT_LT(values.back(), 0.7 * values.front()) << rule;
  }
}

TEST_F(Training, ARunIsNotOverwritten) {
  ASSERT_EQ(train(mlp_job, "run", 1), 0);
  EXPECT_THROW(train(mlp_job, "run", 1), Error);
  testing::internal::GetCapturedStdout();
}

TEST_F(Training, ABatchThatDoesNotDivideIsRefusedWithTheArithmetic) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(train(mlp_job, "run", 3), 1);
  const std::string message = testing::internal::GetCapturedStderr();
  EXPECT_NE(message.find("16 samples are not a multiple of 3 ranks"), std::string::npos) << message;
}

}  // namespace
}  // namespace trireme
