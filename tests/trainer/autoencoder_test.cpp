// Autoencoders through the train command's own path, and what is measured of them.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "launcher/config/config.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/reconstructor.h"
#include "runtime/metrics/reconstruction.h"
#include "runtime/nn/flat.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

constexpr const char* small_job = R"(
model { autoencoder { size: 8 width: 4 code: 4 } }
data { images { drawn { samples: 120 size: 8 } } split { validation: 0.2 stratified: true } }
batch { global: 8 }
optimizer { adam { } }
schedule { lr: 3e-3 }
evaluate { every_steps: 4 batches: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 8
)";

class Autoencoders : public testing::Test {
 protected:
  void train(const std::string& name, int ranks, std::vector<std::string> sets) {
    launcher::TrainOptions options{.job = folder_.write("job.textproto", small_job),
                                   .sets = std::move(sets),
                                   .ranks = ranks,
                                   .ranks_as_threads = true};
    options.sets.push_back("run_dir=" + (folder_ / name));
    testing::internal::CaptureStdout();
    EXPECT_EQ(launcher::train(options), 0);
    testing::internal::GetCapturedStdout();
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

  test::ScratchFolder folder_;
};

TEST_F(Autoencoders, RanksComputeWhatOneDoes) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds{
      {"plain", {"model.autoencoder.anomalous=3"}},
      {"denoising", {"model.autoencoder.masked=0.3"}},
      {"variational", {"model.autoencoder.variational=true"}}};
  for (const auto& [name, sets] : kinds) {
    train(name, 1, sets);
    train(name + "2", 2, sets);
    for (const char* key : {"loss", "validation_loss", "reconstruction"}) {
      const std::vector<double> one = values(name, key), two = values(name + "2", key);
      ASSERT_FALSE(one.empty()) << name << ' ' << key;
      ASSERT_EQ(one.size(), two.size());
      for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(two[i], one[i], 2e-5 * one[i]) << name << ' ' << key;
    }
    EXPECT_LT(values(name, "validation_loss")[1], values(name, "validation_loss")[0]) << name;
  }
  EXPECT_EQ(values("plain", "auc").size(), 2u);
  const std::vector<double> elbo = values("variational", "elbo"), loss = values("variational", "validation_loss");
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(elbo[i], -loss[i], 1e-5 * loss[i]);
  EXPECT_GT(values("variational", "divergence")[1], 0.0);

  launcher::GenerateOptions options;
  options.run = folder_ / "variational";
  options.threads = 1;
  testing::internal::CaptureStdout();
  EXPECT_EQ(launcher::generate(options), 0);
  testing::internal::GetCapturedStdout();
  EXPECT_TRUE(std::ifstream(folder_ / "variational/pictures.png").good());
  options.run = folder_ / "plain";
  EXPECT_THROW(launcher::generate(options), Error);
}

// loss() by tensors on the device and measure() by numbers in double say the same, and the loss has the gradient that
// central differences have.
TEST(Reconstructor, HasTheLossThatIsMeasured) {
  Backend backend = make_backend("reference", 1);
  launcher::Reconstructor task({.size = 8, .channels = 1, .width = 2, .code = 3, .variational = true},
                               {.beta = 1.0f, .anomalous = 1}, 5, DType::f32);
  nn::FlatParameters parameters(task.network(), *backend.device, *backend.kernels, {});
  parameters.initialise(2);
  data::Batch batch;
  batch.first_sample = 6;
  batch.tensors["images"] = test::random_tensor(*backend.device, {3, 8, 8, 1}, DType::f32, 4, {0.0, 1.0});
  batch.tensors["labels"] = from_host<std::int32_t>(*backend.device, std::vector<std::int32_t>{0, 1, 2}, {3});
  Tape tape(*backend.device, *backend.kernels);
  Context cx{*backend.device, *backend.kernels, &tape, true};
  cx.samples = 3;
  parameters.begin_step();
  const Tensor loss = task.loss(cx, batch);
  std::vector<double> records;
  Context looking{*backend.device, *backend.kernels};
  looking.samples = 3;
  const double measured = to_floats(task.measure(looking, batch, records))[0];
  EXPECT_NEAR(to_floats(loss)[0], measured, 1e-5 * measured);
  ASSERT_EQ(records.size(), 9u);
  EXPECT_EQ(records[5], 1.0);
  EXPECT_GT(records[1], 0.0);  // a divergence is

  tape.backward(loss, 1.0f);
  for (const char* name : {"spread.weight", "mean.weight", "spread.bias"})
    for (nn::Parameter* p : task.network().parameters()) {
      if (p->name != name) continue;
      Tensor value = p->leaf.value;
      std::vector<float> weights = to_floats(value);
      const test::Values gradient = test::values_of(p->leaf.gradient);
      for (const std::size_t i : {std::size_t{0}, weights.size() - 1}) {
        constexpr float step = 1e-2f;
        const float before = weights[i];
        const auto loss_at = [&](float w) {
          weights[i] = w;
          backend.device->copy_from_host(value.raw(), weights.data(), value.bytes());
          records.clear();
          (void)task.measure(looking, batch, records);
          double total = 0;
          for (std::size_t n = 0; n < 3; ++n) total += (records[3 * n] + records[3 * n + 1]) / 3;
          return total;
        };
        const double slope = (loss_at(before + step) - loss_at(before - step)) / (2.0 * double{step});
        loss_at(before);
        EXPECT_NEAR(gradient[i], slope, 2e-3 * std::max(std::abs(slope), 0.1)) << name << ' ' << i;
      }
    }
}

TEST(Reconstruction, MeasuresByHand) {
  std::vector<double> records;
  metrics::add_reconstructed(records, {.logits = {0.0f, 100.0f, 0.0f, -100.0f},
                                       .images = {1.0f, 1.0f, 0.5f, 1.0f},
                                       .means = {1.0f, 0.0f},
                                       .deviations = {1.0f, 2.0f},
                                       .labels = {7, 3},
                                       .samples = 2,
                                       .anomalous = 3});
  const double log2 = std::log(2.0);
  const std::vector<double> expected{log2, 0.5, 0.0, log2 + 100.0, 1.5 - log2, 1.0};
  ASSERT_EQ(records.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(records[i], expected[i], 1e-12) << i;
  const metrics::Measures found = metrics::reconstruction_measures(records, true, true);
  EXPECT_EQ(*found.find("auc"), 1.0);
  EXPECT_NEAR(*found.find("elbo"), -(2 * log2 + 100.0 + 2.0 - log2) / 2, 1e-12);
  EXPECT_EQ(metrics::reconstruction_measures(records, false, false).find("elbo"), nullptr);
}

TEST(Reconstructor, RefusesWhatItCannotDo) {
  const auto refusal = [](const std::vector<std::string>& sets) -> std::string {
    try {
      launcher::load_job_text("job", small_job, sets);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal({}), "");
  EXPECT_NE(refusal({"model.autoencoder.size=18"}).find("the nearest: 16 and 20"), std::string::npos);
  EXPECT_NE(refusal({"data.images.standardise=true"}).find("from 0 to 1"), std::string::npos);
  EXPECT_NE(refusal({"data.synthetic={}"}).find("drawn { }"), std::string::npos);
  EXPECT_NE(refusal({"model.autoencoder.masked=1"}).find("below 1"), std::string::npos);
  EXPECT_NE(refusal({"sample.pictures=3"}).find("a model that draws"), std::string::npos);
}

}  // namespace
}  // namespace trireme
