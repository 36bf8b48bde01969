// A training step that is captured once and replayed, against one that launches every kernel every time.
#include <gtest/gtest.h>

#include "launcher/trainer/rank_training.h"
#include "tests/runtime/kernels_cuda/emulator/emulated_backend.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

constexpr const char* gpt_job = R"(
model { gpt { layers: 1 heads: 2 width: 16 sequence: 8 vocabulary: 37 dropout: 0.2 } }
data { synthetic { samples: 12 } }
batch { global: 4 micro: 2 }
schedule { lr: 1e-2 warmup_steps: 3 cosine {} }
clip { norm: 0.5 }
steps: 6
seed: 3
)";

struct Run {
  std::vector<double> losses, norms, rates;
  std::vector<float> weights;
  int captures = 0;
};

Run train(const std::string& more) {
  Run run;
  run_ranks(1, [&](Group& group) {
    const job::Job job = launcher::load_job_text("captured", gpt_job + more);
    Backend backend = make_emulated_backend(Epilogues::all);
    launcher::RankTraining training(job, backend, group, launcher::layout_of(job, 1));
    parallel::TrainStep step(training.context());
    data::Loader loader(launcher::open_data(job).training, launcher::loader_options(job));
    for (std::int64_t number = 0; number < job.steps(); ++number) {
      const auto report =
          step.run(
                  number, [&](std::int64_t at, data::Share share) { return loader.at(*backend.device, at, share); },
                  false)
              .report();
      run.losses.push_back(report.loss);
      run.norms.push_back(report.gradient_norm);
      run.rates.push_back(report.lr);
    }
    run.weights = to_floats(training.player().parameters.weights);
    run.captures = captures_of(*backend.device);
  });
  return run;
}

void expect_same_bits(const std::string& more) {
  const Run replayed = train(more), launched = train(more + "cuda { graphs: false }");
  EXPECT_EQ(replayed.captures, 1);
  EXPECT_EQ(launched.captures, 0);
  EXPECT_EQ(replayed.losses, launched.losses);
  EXPECT_EQ(replayed.norms, launched.norms);
  EXPECT_EQ(replayed.rates, launched.rates);
  EXPECT_EQ(replayed.weights, launched.weights);
  EXPECT_NE(replayed.losses[3], replayed.losses[4]);  // the data and the weights change
}

TEST(CapturedStep, HasTheSameBits) {
  expect_same_bits("");
}
TEST(CapturedStep, HasTheSameBitsWhereScalesAndRoundingAreTakenOnTheDevice) {
  expect_same_bits("precision { compute: fp8 } optimizer { stochastic_rounding: true } ");
}

}  // namespace
}  // namespace trireme::test
