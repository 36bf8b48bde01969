// GANs through the train command's own path: ranks, resuming, pictures, what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "launcher/config/config.h"
#include "launcher/trainer/dry_run.h"
#include "launcher/trainer/entry.h"
#include "runtime/data/images/png.h"
#include "runtime/store/checkpoint.h"
#include "runtime/store/run_folder.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

using Sets = std::vector<std::string>;

constexpr const char* small_job = R"(
model { gan { size: 8 noise: 5 width: 4 } }
data { images { drawn { samples: 40 size: 8 } } }
batch { global: 8 }
optimizer { adam { beta1: 0.5 } }
schedule { lr: 1e-3 }
checkpoint { every_steps: 0 }
sample { pictures: 10 every_steps: 2 }
threads: 1
steps: 4
)";

const Sets wgan_gp{"model.gan.loss=wasserstein", "model.gan.gradient_penalty=10", "model.gan.discriminator_steps=2"};
const Sets spectral{"model.gan.loss=hinge", "model.gan.spectral_norm=true", "model.gan.classes=10"};

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Gan : public testing::Test {
 protected:
  // Trains in the folder `name`; returns what was printed.
  std::string train(const std::string& name, int ranks, Sets sets = {}, bool resume = false) {
    launcher::TrainOptions options{.job = folder_.write("job.textproto", small_job),
                                   .sets = std::move(sets),
                                   .ranks = ranks,
                                   .ranks_as_threads = true,
                                   .resume = resume};
    options.sets.push_back("run_dir=" + (folder_ / name));
    testing::internal::CaptureStdout();
    EXPECT_EQ(launcher::train(options), 0);
    return testing::internal::GetCapturedStdout();
  }
  std::vector<double> values(const std::string& name, const char* key) const {
    std::ifstream file(folder_ / name + "/metrics.jsonl");
    std::vector<double> found;
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json entry = nlohmann::json::parse(line);
      if (entry.contains(key)) found.push_back(entry.at(key).get<double>());
    }
    return found;
  }
  void expect_close(const std::string& got, const std::string& want, double tolerance) const {
    for (const char* key : {"loss_generator", "loss_discriminator"}) {
      const std::vector<double> a = values(got, key), b = values(want, key);
      ASSERT_EQ(a.size(), 4u) << got;
      ASSERT_EQ(b.size(), 4u) << want;
      for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_NEAR(a[i], b[i], tolerance * std::max(std::abs(b[i]), 0.1)) << got << ' ' << key << ", step " << i + 1;
    }
  }
  data::Image sheet(const std::string& name, const char* file = "samples/step-00000004.png") const {
    return data::decode_png(bytes_of(folder_ / name + '/' + file), 1, file);
  }
  void expect_same_pictures(const std::string& got, const std::string& want) const {
    const data::Image a = sheet(got), b = sheet(want);
    ASSERT_EQ(a.values.size(), b.values.size());
    int apart = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) apart = std::max(apart, std::abs(a.values[i] - b.values[i]));
    EXPECT_LE(apart, 1) << got << " and " << want;  // of 255: a rounding
  }

  test::ScratchFolder folder_;
};

TEST_F(Gan, RanksTrainAsOneDoes) {
  const std::vector<std::pair<std::string, Sets>> variants{{"plain", {}}, {"penalty", wgan_gp}, {"spectral", spectral}};
  for (const auto& [name, sets] : variants) {
    train(name, 1, sets);
    for (const int ranks : {2, 4}) {
      const std::string several = name + std::to_string(ranks);
      train(several, ranks, sets);
      expect_close(several, name, 1e-3);
      expect_same_pictures(several, name);
    }
  }
  EXPECT_EQ(values("plain", "loss"), values("plain", "loss_generator"));
  EXPECT_EQ(values("plain", "lr_discriminator"), std::vector<double>(4, double{1e-3f}));
  // Ten pictures without classes: 4 beside each other; with ten classes, one row. There is a sheet of step 2 too.
  EXPECT_EQ(sheet("plain").shape, (data::ImageShape{28, 38, 1}));
  EXPECT_EQ(sheet("spectral").shape, (data::ImageShape{8, 98, 1}));
  EXPECT_NE(sheet("plain", "samples/step-00000002.png").values, sheet("plain").values);
}

TEST_F(Gan, AStateInPartsIsTheSame) {
  train("one", 1, wgan_gp);
  for (const char* zero : {"1", "3"}) {
    Sets sets = wgan_gp;
    sets.push_back(std::string("parallel.zero=") + zero);
    const std::string name = std::string("zero") + zero;
    train(name, 2, sets);
    expect_close(name, "one", 1e-3);
    expect_same_pictures(name, "one");
  }
}

TEST_F(Gan, EachNetworkHasItsOwnOptimizer) {
  train("alike", 1);
  train("own", 1,
        {"model.gan.discriminator.optimizer.sgd={}", "model.gan.discriminator.schedule.lr=0.5",
         "model.gan.generator.clip.norm=1e-3"});
  EXPECT_EQ(values("own", "lr_discriminator"), std::vector<double>(4, 0.5));
  EXPECT_EQ(values("own", "lr"), values("alike", "lr"));
  const store::CheckpointReader reader(store::latest_checkpoint(folder_ / "own").path);
  EXPECT_EQ(reader.metadata().at("generator.optimizer.rule"), "adam");
  EXPECT_EQ(reader.metadata().at("discriminator.optimizer.rule"), "sgd");
  EXPECT_NE(reader.find("optimizer.moment1.generator.layers.0.weight"), nullptr);
  EXPECT_EQ(reader.find("optimizer.moment1.discriminator.layers.0.weight"), nullptr);
}

// Everything that a run is made of, to the last bit: weights, moments, running statistics, the vectors of spectral
// norm, the average, the counters, the place in the data.
TEST_F(Gan, ResumesBitForBit) {
  Sets sets = wgan_gp;
  sets.insert(sets.end(), {"model.gan.spectral_norm=true", "checkpoint.every_steps=2", "checkpoint.keep=5"});
  train("whole", 2, sets);
  train("halves", 2, sets);
  std::filesystem::remove_all(store::checkpoint_path(folder_ / "halves", 4));
  std::filesystem::remove_all(folder_ / "halves/samples");
  EXPECT_NE(train("halves", 2, sets, true).find("resumed after step 2"), std::string::npos);
  const store::CheckpointReader whole(store::checkpoint_path(folder_ / "whole", 4));
  const store::CheckpointReader halves(store::checkpoint_path(folder_ / "halves", 4));
  ASSERT_EQ(whole.tensors().size(), halves.tensors().size());
  EXPECT_GT(whole.tensors().size(), 30u);
  for (const store::ManifestTensor& tensor : whole.tensors()) {
    std::vector<float> a(static_cast<std::size_t>(tensor.shape.numel())), b = a;
    whole.read(tensor.name, 0, tensor.shape.numel(), a.data());
    halves.read(tensor.name, 0, tensor.shape.numel(), b.data());
    EXPECT_EQ(a, b) << tensor.name;
  }
  for (const char* key : {"generator.optimizer.steps", "discriminator.optimizer.steps"})
    EXPECT_EQ(whole.metadata().at(key), halves.metadata().at(key)) << key;
  EXPECT_EQ(whole.metadata().at("discriminator.optimizer.steps"), "8");  // two in each step
  EXPECT_EQ(values("whole", "loss_discriminator"), values("halves", "loss_discriminator"));
  EXPECT_EQ(sheet("whole").values, sheet("halves").values);
}

TEST_F(Gan, SixteenBitsTrain) {
  train("wide", 1, wgan_gp);
  Sets narrow = wgan_gp;
  narrow.push_back("precision.compute=bf16");
  train("narrow", 1, narrow);
  expect_close("narrow", "wide", 0.1);
  narrow.back() = "precision.compute=fp16";
  narrow.push_back("model.gan.discriminator.loss_scale.initial=16");
  train("half", 1, narrow);
  expect_close("half", "wide", 0.1);
  const store::CheckpointReader reader(store::latest_checkpoint(folder_ / "half").path);
  EXPECT_EQ(std::stof(reader.metadata().at("discriminator.loss_scale")), 16.0f);
  EXPECT_NE(std::stof(reader.metadata().at("generator.loss_scale")), 16.0f);
}

TEST_F(Gan, GenerateDrawsWithTheAverage) {
  train("run", 1, {"model.gan.classes=10"});
  launcher::GenerateOptions options;
  options.run = folder_ / "run";
  options.threads = 1;
  options.pictures = 10;
  testing::internal::CaptureStdout();
  EXPECT_EQ(launcher::generate(options), 0);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("10 pictures by "), std::string::npos);
  EXPECT_EQ(sheet("run", "pictures.png").values, sheet("run").values);  // the job's seed is 1 too

  options.of_class = 3;
  options.out = folder_ / "threes.png";
  testing::internal::CaptureStdout();
  EXPECT_EQ(launcher::generate(options), 0);
  testing::internal::GetCapturedStdout();
  EXPECT_NE(bytes_of(options.out), bytes_of(folder_ / "run/pictures.png"));
  options.of_class = 10;
  EXPECT_THROW(launcher::generate(options), Error);
  launcher::EvaluateOptions evaluation;
  evaluation.run = folder_ / "run";
  try {
    launcher::evaluate(evaluation);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("trireme generate"), std::string::npos) << error.what();
  }
}

TEST_F(Gan, ADryRunCountsBothNetworks) {
  const job::Job described = launcher::load_job_text("job", small_job);
  const nlohmann::json plan = nlohmann::json::parse(launcher::dry_run_report(described, 2, true));
  // Generator: 5 x 4 x 4 x 4, 4 x 4 x 4 x 1 and a batch norm of 4; discriminator: 4 x 4 x 4 x 1 and 1 x 4 x 4 x 4.
  EXPECT_EQ(plan.at("parameters"), 320 + 64 + 8 + 64 + 64);
  EXPECT_EQ(plan.at("model_parameters"), plan.at("parameters"));
  EXPECT_NEAR(2 * plan.at("flops_per_step_per_rank").get<double>(), plan.at("model_flops_per_step").get<double>(),
              0.01 * plan.at("model_flops_per_step").get<double>());
  EXPECT_GT(plan.at("bytes_sent_per_step_per_rank").get<double>(), 4 * (320 + 64 + 8 + 64 + 64) / 2);
}

TEST_F(Gan, RefusesWhatItCannotDo) {
  const auto refusal = [](const Sets& sets) -> std::string {
    try {
      launcher::load_job_text("job", small_job, sets);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal({}), "");
  const std::vector<std::pair<Sets, std::string>> cases{
      {{"model.gan.size=30"}, "the nearest: 28 and 32"},
      {{"model.gan.channels=2"}, "expected 1 or 3"},
      {{"precision.compute=fp8"}, "the layers of a GAN are convolutions"},
      {{"precision.compute=bf16", "optimizer.stochastic_rounding=true"}, "keeps fp32 master weights"},
      {{"model.gan.discriminator.optimizer.stochastic_rounding=true"}, "keeps fp32 master weights"},
      {{"model.gan.gradient_penalty=10", "model.gan.batch_norm=true"}, "expected false with gradient_penalty"},
      {{"model.gan.loss=least_squares"}, "minimax"},
      {{"model.gan.average=1"}, "below 1"},
      {{"model.gan.discriminator_steps=0"}, "from 1 to 1000"},
      {{"model.gan.generator.schedule.min_lr=1e-4"}, "goes down to it"},
      {{"model.gan.discriminator.schedule.warmup_steps=9"}, "at most steps"},
      {{"batch.micro=2"}, "whole share of a batch at once"},
      {{"data.images.standardise=true"}, "from -1 to 1"},
      {{"data.images.mean=[0.1]", "data.images.deviation=[0.3]"}, "from -1 to 1"},
      {{"data.images.augment.mix_up=0.2"}, "mixtures"},
      {{"data.split.validation=0.1"}, "no loss to validate by"},
      {{"data.split.test=0.1"}, "no loss to validate by"},
      {{"data.balance=weights"}, "as_is or samples"},
      {{"data.synthetic={}"}, "drawn { }"},
      {{"checkpoint.best=true"}, "none to validate by"},
      {{"evaluate.patience=3"}, "none to validate by"},
      {{"parallel.pipeline=2"}, "layers can be shared out"},
      {{"parallel.tensor=2"}, "layers can be shared out"},
      {{"recompute=block"}, "a model with blocks"},
  };
  for (const auto& [sets, expected] : cases) {
    const std::string found = refusal(sets);
    EXPECT_NE(found.find(expected), std::string::npos) << sets.front() << ": " << found;
  }
  EXPECT_THROW(train("pictures", 1, {"data.images.drawn.size=16"}), Error);
  testing::internal::GetCapturedStdout();
  EXPECT_THROW(train("classes", 1, {"model.gan.classes=3"}), Error);
  testing::internal::GetCapturedStdout();
}

}  // namespace
}  // namespace trireme
