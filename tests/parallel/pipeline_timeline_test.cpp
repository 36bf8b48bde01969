#include "parallel/pipeline/timeline.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "parallel/pipeline/generate.h"
#include "parallel/pipeline/simulate.h"
#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Timeline, IsDrawnAsText) {
  const Simulation played = simulate(make_schedule(ScheduleKind::one_f_one_b, {2, 2}));
  EXPECT_EQ(draw_text(played.timeline, {.title = "1f1b", .columns = 27, .unit = "F"}),
            "1f1b: 9 F, 33.3 % idle\n"
            "rank    0 |F0-F1-......B0====...B1====| 33.3 % idle\n"
            "rank    1 |...F0-B0====F1-B1====......| 33.3 % idle\n");
}

TEST(Timeline, ChunksAndDividedGradientsAreToldApart) {
  const Simulation played = simulate(make_schedule(ScheduleKind::zb_v, {1, 1, 2}));
  EXPECT_EQ(draw_text(played.timeline, {.columns = 18}),
            "6 s, 0.0 % idle\n"
            "rank    0 |F0-f0-b0=B0=w0~W0~| 0.0 % idle\n");
}

TEST(Timeline, IsDrawnAsSvg) {
  const Simulation played = simulate(make_schedule(ScheduleKind::zb_h1, {3, 4}));
  const std::string svg = draw_svg(played.timeline, {.title = "zb_h1 <3 x 4>"});
  EXPECT_EQ(svg.rfind("<svg", 0), 0u);
  EXPECT_EQ(count(svg, "<rect"), 2u + 3u + 3u * 4u * 3u) << "ground, lanes, legend, actions";
  EXPECT_NE(svg.find("zb_h1 &lt;3 x 4&gt;"), std::string::npos);
  EXPECT_NE(svg.find(">rank 2<"), std::string::npos);
  EXPECT_NE(svg.find("weight gradient"), std::string::npos);
  EXPECT_EQ(svg.substr(svg.size() - 7), "</svg>\n");
}

TEST(Timeline, MeasuredTimesStartWhereTheyStart) {
  const Timeline measured{{0, {.work = Work::forward, .micro = 0}, 100.0, 101.0},
                          {1, {.work = Work::recv_activation, .micro = 0, .peer = 0}, 90.0, 101.0},
                          {1, {.work = Work::forward, .micro = 0}, 101.0, 104.0}};
  const Usage usage = usage_of(measured);
  EXPECT_EQ(usage.begin, 100.0) << "transfers keep nobody busy";
  EXPECT_EQ(usage.end, 104.0);
  EXPECT_EQ(usage.idle, (std::vector<double>{3.0, 1.0}));
  EXPECT_EQ(usage.bubble, 0.5);
  EXPECT_NE(draw_text(measured, {.columns = 8, .unit = "ms", .unit_scale = 1e3}).find("4000 ms"), std::string::npos);
  EXPECT_THROW(usage_of({}), Error);
}

TEST(Simulate, UnevenStagesWaitForTheLongest) {
  const Schedule schedule = make_schedule(ScheduleKind::one_f_one_b, {2, 8});
  const Simulation played = simulate(schedule, {.stages = {1.0, 2.0}});
  EXPECT_EQ(played.usage.busy, (std::vector<double>{24.0, 48.0}));
  EXPECT_EQ(played.usage.end, 1.0 + 48.0 + 2.0) << "the first forward before, the last backward after the long stage";
  EXPECT_THROW(simulate(schedule, {.stages = {1.0}}), Error);
}

TEST(Simulate, CountsWhatWeightGradientsStillNeed) {
  const Schedule schedule = make_schedule(ScheduleKind::zb_h1, {4, 8});
  EXPECT_EQ(simulate(schedule).in_flight, std::vector<double>(4, 4.0));
  const Simulation light = simulate(schedule, {.kept = 0.25});
  EXPECT_EQ(light.in_flight[0], 4.0) << "as 1F1B";
  EXPECT_EQ(light.in_flight[3], 1.0 + 3 * 0.25) << "one whole, three that are owed a weight gradient";
}

TEST(Simulate, TransfersOfARankFollowEachOther) {
  const Simulation played = simulate(make_schedule(ScheduleKind::gpipe, {3, 4}), {.transfer = 0.5});
  for (int rank = 0; rank < 3; ++rank) {
    double free = 0.0;
    for (const Span& span : played.timeline)
      if (span.rank == rank && is_transfer(span.action.work)) {
        EXPECT_GE(span.begin, free);
        free = span.end;
      }
    EXPECT_GT(free, 0.0);
  }
}

}  // namespace
}  // namespace trireme::parallel
