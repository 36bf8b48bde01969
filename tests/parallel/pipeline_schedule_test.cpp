// Every generator, over every shape: its tables are proved, and waste what the papers say they waste.
#include <gtest/gtest.h>

#include <algorithm>

#include "parallel/pipeline/check.h"
#include "parallel/pipeline/generate.h"
#include "parallel/pipeline/simulate.h"
#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

constexpr int most_ranks = 8, most_micros = 16, most_chunks = 4;

std::vector<int> chunks_of(ScheduleKind kind) {
  if (kind == ScheduleKind::interleaved) return {1, 2, 3, most_chunks};
  return {kind == ScheduleKind::zb_v ? 2 : 1};
}

template <class Visit>
void for_each_shape(ScheduleKind kind, Visit&& visit) {
  for (int ranks = 1; ranks <= most_ranks; ++ranks)
    for (int micros = 1; micros <= most_micros; ++micros)
      for (const int chunks : chunks_of(kind)) {
        SCOPED_TRACE(std::string(name_of(kind)) + ", " + std::to_string(ranks) + " ranks, " + std::to_string(micros) +
                     " micro-batches, " + std::to_string(chunks) + " chunks");
        visit(PipelineShape{ranks, micros, chunks});
      }
}

// The time that the busiest rank waits in a step, with F, B and W of a chunk as the unit.
double wait(ScheduleKind kind, const PipelineShape& shape) {
  const Simulation played = simulate(make_schedule(kind, shape));
  return *std::max_element(played.usage.idle.begin(), played.usage.idle.end());
}

class EverySchedule : public ::testing::TestWithParam<ScheduleKind> {};

TEST_P(EverySchedule, PassesTheCheckerAndKeepsItsPromise) {
  for_each_shape(GetParam(), [&](const PipelineShape& shape) {
    const Schedule schedule = make_schedule(GetParam(), shape);
    for (const int outstanding : {0, 1, 4}) {
      const TableNeeds needs = check_table(schedule, {.outstanding = outstanding});
      EXPECT_EQ(needs.in_flight.size(), static_cast<std::size_t>(shape.ranks));
      EXPECT_EQ(needs.in_flight, schedule.promised) << "the promise is what is needed, and no more";
    }
  });
}

TEST_P(EverySchedule, ComputesAllThereIs) {
  for_each_shape(GetParam(), [&](const PipelineShape& shape) {
    const Simulation played = simulate(make_schedule(GetParam(), shape));
    for (const double busy : played.usage.busy) EXPECT_EQ(busy, 3.0 * shape.micros * shape.chunks);
    EXPECT_EQ(played.usage.begin, 0.0);
  });
}

INSTANTIATE_TEST_SUITE_P(All, EverySchedule, ::testing::ValuesIn(all_schedules),
                         [](const auto& test) { return "schedule_" + std::string(name_of(test.param)); });

TEST(Bubble, OfGpipeAnd1F1BIsThePipelinesLength) {
  for (const ScheduleKind kind : {ScheduleKind::gpipe, ScheduleKind::one_f_one_b})
    for_each_shape(kind, [&](const PipelineShape& shape) {
      EXPECT_EQ(wait(kind, shape), 3.0 * (shape.ranks - 1));
      const double p = shape.ranks, m = shape.micros;
      EXPECT_NEAR(simulate(make_schedule(kind, shape)).usage.bubble, (p - 1) / (m + p - 1), 1e-12);
    });
}

TEST(Bubble, OfInterleavedIsDividedByTheChunks) {
  for_each_shape(ScheduleKind::interleaved, [&](const PipelineShape& shape) {
    const double p = shape.ranks, m = shape.micros, v = shape.chunks;
    // A chunk is 1/v of a rank's work. With fewer micro-batches than ranks each round waits for the one before.
    EXPECT_EQ(wait(ScheduleKind::interleaved, shape), 3.0 * (p - 1 + (v - 1) * std::max(0.0, p - m)));
    if (m < p) return;
    EXPECT_NEAR(simulate(make_schedule(ScheduleKind::interleaved, shape)).usage.bubble, (p - 1) / v / (m + (p - 1) / v),
                1e-12);
  });
}

TEST(Bubble, OfZbH1IsAThirdOf1F1B) {
  for_each_shape(ScheduleKind::zb_h1, [&](const PipelineShape& shape) {
    // (p - 1)(F + B - W); with fewer micro-batches than ranks the chain through all stages is longer.
    EXPECT_EQ(wait(ScheduleKind::zb_h1, shape), shape.ranks - 1 + std::max(0, shape.ranks - shape.micros));
  });
}

TEST(Bubble, OfZbVIsNearTheTimeToFillThePipelineWithHalfStages) {
  for_each_shape(ScheduleKind::zb_v, [&](const PipelineShape& shape) {
    if (shape.micros < shape.ranks) return;
    const double waited = wait(ScheduleKind::zb_v, shape);  // in units of a chunk, half a stage
    EXPECT_GE(waited, shape.ranks - 1);
    EXPECT_LE(waited, shape.ranks + (shape.micros < 2 * shape.ranks ? 3 : 1));
  });
}

TEST(Bubble, ShrinksInTheOrderOfTheSchedules) {
  for (const int ranks : {2, 4, 8}) {
    const int micros = 4 * ranks;
    const auto bubble = [&](ScheduleKind kind, int chunks) {
      const int whole = 4;  // a rank's work is the same however it is cut
      const double part = static_cast<double>(whole) / chunks;
      return simulate(make_schedule(kind, {ranks, micros, chunks}),
                      {.forward = part, .input_gradient = part, .weight_gradient = part})
          .usage.bubble;
    };
    EXPECT_EQ(bubble(ScheduleKind::gpipe, 1), bubble(ScheduleKind::one_f_one_b, 1));
    EXPECT_GT(bubble(ScheduleKind::one_f_one_b, 1), bubble(ScheduleKind::interleaved, 2));
    EXPECT_GT(bubble(ScheduleKind::interleaved, 2), bubble(ScheduleKind::zb_h1, 1));
    EXPECT_GT(bubble(ScheduleKind::zb_h1, 1), bubble(ScheduleKind::zb_v, 2));
  }
}

TEST(Schedule, MemoryIsWhatThePapersPromise) {
  const auto in_flight = [](ScheduleKind kind, const PipelineShape& shape) {
    return check_table(make_schedule(kind, shape)).in_flight;
  };
  EXPECT_EQ(in_flight(ScheduleKind::gpipe, {4, 16}), std::vector<int>(4, 16));
  EXPECT_EQ(in_flight(ScheduleKind::one_f_one_b, {4, 16}), (std::vector<int>{4, 3, 2, 1}));
  EXPECT_EQ(in_flight(ScheduleKind::zb_h1, {4, 16}), std::vector<int>(4, 4));
  EXPECT_EQ(in_flight(ScheduleKind::zb_v, {4, 16, 2}), std::vector<int>(4, 8)) << "8 halves: 1F1B's 4";
  EXPECT_EQ(in_flight(ScheduleKind::interleaved, {4, 16, 2}), (std::vector<int>{11, 9, 7, 5}));
}

TEST(Schedule, ZbVHoldsBothEndsOfTheModelOnTheFirstRank) {
  const Schedule schedule = make_schedule(ScheduleKind::zb_v, {4, 8, 2});
  EXPECT_EQ(schedule.stage_of(0, 0), 0);
  EXPECT_EQ(schedule.stage_of(0, 1), 7);
  EXPECT_EQ(schedule.stage_of(3, 0), 3);
  EXPECT_EQ(schedule.stage_of(3, 1), 4);
  for (int stage = 0; stage < schedule.stages(); ++stage) {
    const Schedule::Place place = schedule.place_of(stage);
    EXPECT_EQ(schedule.stage_of(place.rank, place.chunk), stage);
  }
}

TEST(Schedule, TransfersThatTakeTimeAreHiddenBehindTheSteadyState) {
  const Schedule schedule = make_schedule(ScheduleKind::one_f_one_b, {4, 32});
  const double free = simulate(schedule).usage.end;
  const double slow = simulate(schedule, {.transfer = 0.1}).usage.end;
  EXPECT_GT(slow, free);
  EXPECT_LT(slow, free + 0.1 * (2 * 3 + 2 * 32 + 1));
}

TEST(Schedule, RefusesShapesThatItDoesNotHave) {
  EXPECT_THROW(make_schedule(ScheduleKind::gpipe, {0, 1}), Error);
  EXPECT_THROW(make_schedule(ScheduleKind::gpipe, {1, 0}), Error);
  EXPECT_THROW(make_schedule(ScheduleKind::one_f_one_b, {2, 4, 2}), Error);
  EXPECT_THROW(make_schedule(ScheduleKind::zb_v, {2, 4, 1}), Error);
}

}  // namespace
}  // namespace trireme::parallel
