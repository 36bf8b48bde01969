// How long ranks of a pipeline wait, measured and promised.
#include <gtest/gtest.h>

#include "launcher/trainer/bench_pipeline.h"

namespace trireme::launcher {
namespace {

// How close they come is for `trireme bench pipeline` to say, on a machine that does nothing else.
TEST(PipelineIdle, IsMeasuredForEverySchedule) {
  const std::vector<PipelineIdle> all = measure_idle({.stages = 2, .micros = 8, .pass_ms = 1.0, .repeats = 1});
  ASSERT_EQ(all.size(), 5u);
  for (const PipelineIdle& idle : all) {
    EXPECT_GT(idle.formula, 0.0) << idle.schedule;
    EXPECT_GT(idle.measured, 0.0) << idle.schedule;
    EXPECT_LT(idle.measured, 1.0) << idle.schedule;
    const int actions = idle.schedule == "zb_v"          ? 6
                        : idle.schedule == "zb_h1"       ? 3
                        : idle.schedule == "interleaved" ? 4
                                                         : 2;
    EXPECT_EQ(std::ssize(idle.timeline), 2 * 8 * actions) << idle.schedule;
  }
  for (std::size_t i = 2; i < all.size(); ++i) EXPECT_LT(all[i].formula, all[i - 1].formula) << all[i].schedule;
}

}  // namespace
}  // namespace trireme::launcher
