// How long ranks of a pipeline wait, measured, is what the schedules promise.
#include <gtest/gtest.h>

#include "launcher/trainer/bench_pipeline.h"

namespace trireme::launcher {
namespace {

TEST(PipelineIdle, IsThatOfTheFormula) {
  for (const int stages : {2, 4}) {
    const std::vector<PipelineIdle> all = measure_idle({.stages = stages, .micros = 8, .pass_ms = 12.0, .repeats = 3});
    ASSERT_EQ(all.size(), 5u);
    for (const PipelineIdle& idle : all) {
      EXPECT_LE(idle.measured, 1.10 * idle.formula) << idle.schedule << " of " << stages;
      EXPECT_GE(idle.measured, 0.90 * idle.formula) << idle.schedule << " of " << stages;
      EXPECT_EQ(idle.timeline.size(), static_cast<std::size_t>(stages * 8) * (idle.schedule == "zb_v"          ? 6
                                                                              : idle.schedule == "zb_h1"       ? 3
                                                                              : idle.schedule == "interleaved" ? 4
                                                                                                               : 2));
    }
    // gpipe >= 1f1b > interleaved > zb_h1 > zb_v
    EXPECT_NEAR(all[0].measured, all[1].measured, 0.1 * all[1].measured);
    for (std::size_t i = 2; i < all.size(); ++i)
      EXPECT_LT(all[i].measured, all[i - 1].measured) << all[i].schedule << " of " << stages;
  }
}

}  // namespace
}  // namespace trireme::launcher
