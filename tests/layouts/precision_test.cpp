// Sixteen bits under a sample of layouts.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/layouts/layouts.h"
#include "tests/support/scratch_folder.h"

namespace trireme::test {
namespace {

const std::vector<Layout> sample{{.data = 4, .zero = 3},
                                 {.tensor = 4, .sequence = true},
                                 {.pipeline = 2, .tensor = 2, .schedule = "zb_v"},
                                 {.pipeline = 2, .data = 2, .tensor = 2, .zero = 1, .schedule = "zb_h1"},
                                 {.data = 4, .tensor = 2, .sequence = true, .zero = 2, .zero_ranks = 2}};

TEST(LayoutPrecision, StaysWithinRoundingOfOneRank) {
  for (const std::string compute : {"bf16", "fp16"})
    for (const Layout& layout : sample) {
      SCOPED_TRACE(compute + ", " + described(layout));
      const Recipe recipe{.more = "precision { compute: " + compute + " }"};
      expect_losses(train(job_for(gpt, layout, recipe)), train(job_for(gpt, {}, recipe, layout)), 1e-2);
    }
}

// The scale begins so high that the first steps overflow. Every rank skips the same steps (train() sees to it); which
// ones follow the first is a matter of rounding.
TEST(LayoutPrecision, SkipsTheSameStepsOnEveryRank) {
  const Recipe recipe{.more = "precision { compute: fp16 loss_scale { initial: 16777216 growth_interval: 3 } }"};
  for (const Layout& layout : sample) {
    SCOPED_TRACE(described(layout));
    const Outcome got = train(job_for(gpt, layout, recipe));
    EXPECT_TRUE(got.skipped.front());
    const auto skipped = std::count(got.skipped.begin(), got.skipped.end(), true);
    EXPECT_GT(skipped, 0);
    EXPECT_LT(skipped, 10);
  }
}

// Sizes of which the parts are multiples of 16 too.
std::string wide_gpt_text(const Layout& layout) {
  return "gpt { layers: " + std::to_string(2 * std::max(1, layout.pipeline)) +
         " heads: 4 width: 64 sequence: 16 vocabulary: 64 dropout: 0.2 }";
}
constinit const Model wide_gpt{"gpt of multiples of 16", wide_gpt_text};

// Ranks have scales of their own for their parts of a tensor, and agree all the same: see formulas/eight_bits.h.
TEST(LayoutPrecision, EightBitsStayWithinRoundingOfOneRank) {
  const Recipe recipe{.more = "precision { compute: fp8 }"};
  for (const Layout& layout : {Layout{.data = 4, .zero = 3}, Layout{.tensor = 4, .sequence = true},
                               Layout{.pipeline = 2, .data = 2, .tensor = 2, .zero = 1, .schedule = "zb_h1"}}) {
    SCOPED_TRACE(described(layout));
    expect_losses(train(job_for(wide_gpt, layout, recipe)), train(job_for(wide_gpt, {}, recipe, layout)), 1e-2);
  }
}

const Recipe rounded{.optimizer = "stochastic_rounding: true adamw { weight_decay: 0.1 }",
                     .more = "precision { compute: bf16 }"};

// Without clipping, whose norm is a sum in an order of its own for every level.
TEST(LayoutPrecision, RandomRoundingIsTheSameHoweverTheStateIsDivided) {
  const auto trained = [](int zero) {
    job::Job job = job_for(gpt, {.data = 4, .zero = zero}, rounded);
    job.mutable_clip()->set_norm(0);
    return train(job, {.keep_weights = true});
  };
  const Outcome want = trained(0);
  for (const int zero : {1, 2, 3}) {
    const Outcome got = trained(zero);
    EXPECT_EQ(got.losses, want.losses) << "level " << zero;
    EXPECT_TRUE(got.weights == want.weights) << "level " << zero;
  }
}

TEST(LayoutPrecision, RandomRoundingStaysWithinRoundingOfOneRank) {
  for (const Layout& layout : sample) {
    SCOPED_TRACE(described(layout));
    expect_losses(train(job_for(gpt, layout, rounded)), train(job_for(gpt, {}, rounded, layout)), 1e-2);
  }
}

TEST(LayoutPrecision, WeightsWithoutMastersAreSavedAndLoadedToTheBit) {
  const ScratchFolder folder;
  for (const Layout& layout : {Layout{.data = 2}, Layout{.data = 4, .zero = 3}, Layout{.tensor = 2}}) {
    SCOPED_TRACE(described(layout));
    const std::string path = folder / "step-" + std::to_string(layout.ranks());
    const job::Job job = job_for(gpt, layout, rounded);
    const Outcome whole = train(job, {.steps = 10, .keep_weights = true});
    (void)train(job, {.steps = 5, .save = path});
    const Outcome got = train(job, {.steps = 5, .keep_weights = true, .load = path});
    EXPECT_EQ(got.losses, std::vector(whole.losses.begin() + 5, whole.losses.end()));
    EXPECT_TRUE(got.weights == whole.weights);
  }
}

TEST(LayoutPrecision, ThereAreNoMastersLeft) {
  const Outcome with = train(job_for(gpt, {}, {.more = "precision { compute: bf16 }"}), {.steps = 1});
  const Outcome without = train(job_for(gpt, {}, rounded), {.steps = 1, .keep_weights = true});
  std::int64_t count = 0;
  for (const auto& [name, values] : without.weights) count += std::ssize(values);
  EXPECT_GE(with.peaks[0] - without.peaks[0], 4 * count);
}

}  // namespace
}  // namespace trireme::test
