// Sixteen bits under a sample of layouts.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/layouts/layouts.h"

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

}  // namespace
}  // namespace trireme::test
