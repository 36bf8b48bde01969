// Tables that are wrong in one place: each is refused, by rank and action.
#include "parallel/pipeline/check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "parallel/pipeline/generate.h"
#include "parallel/pipeline/simulate.h"
#include "parallel/pipeline/transfers.h"
#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::parallel {
namespace {

std::string complaint(const Schedule& schedule, int outstanding = 0) {
  return test::message_of<Error>([&] { check_table(schedule, {.outstanding = outstanding}); });
}

void expect_words(const std::string& message, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << word << " in: " << message;
}

std::vector<Action>& rank_of(Schedule& schedule, int rank) {
  return schedule.table[static_cast<std::size_t>(rank)];
}

// The place of an action in a rank's table.
std::vector<Action>::iterator find(Schedule& schedule, int rank, Work work, int micro, int chunk = 0) {
  auto& actions = rank_of(schedule, rank);
  return std::find_if(actions.begin(), actions.end(),
                      [&](const Action& a) { return a.work == work && a.micro == micro && a.chunk == chunk; });
}

Schedule three_by_four() {
  return make_schedule(ScheduleKind::one_f_one_b, {3, 4});
}

TEST(Check, AMissingReceiveIsFound) {
  Schedule schedule = three_by_four();
  rank_of(schedule, 1).erase(find(schedule, 1, Work::recv_activation, 2));
  expect_words(complaint(schedule), {"1f1b", "rank 1", "F 2", "has no input"});
}

TEST(Check, AMissingSendIsFound) {
  Schedule schedule = three_by_four();
  rank_of(schedule, 1).erase(find(schedule, 1, Work::send_gradient, 3));
  expect_words(complaint(schedule), {"rank 1", "send gradient 3 to rank 0", "is missing"});
}

TEST(Check, AMissingComputationIsFound) {
  Schedule schedule = make_schedule(ScheduleKind::zb_h1, {3, 4});
  rank_of(schedule, 2).erase(find(schedule, 2, Work::weight_gradient, 3));
  expect_words(complaint(schedule), {"zb_h1", "rank 2", "W 3", "is missing"});
}

TEST(Check, AnActionThatStandsTwiceIsFound) {
  Schedule schedule = three_by_four();
  rank_of(schedule, 0).push_back({.work = Work::backward, .micro = 3});
  expect_words(complaint(schedule), {"rank 0", "BW 3", "twice"});
}

TEST(Check, SwappedMicroBatchesAreFound) {
  Schedule schedule = three_by_four();
  std::iter_swap(find(schedule, 0, Work::forward, 1), find(schedule, 0, Work::forward, 2));
  expect_words(complaint(schedule), {"rank 0", "F 2", "micro-batch 1 is expected"});
}

TEST(Check, SwappedForwardAndBackwardAreFound) {
  Schedule schedule = three_by_four();
  std::iter_swap(find(schedule, 2, Work::forward, 0), find(schedule, 2, Work::backward, 0));
  expect_words(complaint(schedule), {"rank 2", "BW 0", "before its forward"});
}

TEST(Check, AWeightGradientBeforeItsInputGradientIsFound) {
  Schedule schedule = make_schedule(ScheduleKind::zb_h1, {3, 4});
  std::iter_swap(find(schedule, 0, Work::input_gradient, 0), find(schedule, 0, Work::weight_gradient, 0));
  expect_words(complaint(schedule), {"rank 0", "W 0", "before its input gradient"});
}

TEST(Check, ASendBeforeItsComputationIsFound) {
  Schedule schedule = three_by_four();
  std::iter_swap(find(schedule, 0, Work::forward, 0), find(schedule, 0, Work::send_activation, 0));
  expect_words(complaint(schedule), {"rank 0", "send activation 0 to rank 1", "before its forward"});
}

TEST(Check, AResultOfTheSameRankHasToBeThere) {
  Schedule schedule = make_schedule(ScheduleKind::zb_v, {2, 2, 2});
  std::iter_swap(find(schedule, 1, Work::forward, 0, 0), find(schedule, 1, Work::forward, 0, 1));
  expect_words(complaint(schedule), {"zb_v", "rank 1", "F 0.1", "before F 0.0, which makes its input"});
}

TEST(Check, AWrongPeerIsFound) {
  Schedule schedule = three_by_four();
  find(schedule, 0, Work::send_activation, 2)->peer = 2;
  expect_words(complaint(schedule), {"rank 0", "send activation 2 to rank 2", "neighbouring stage"});
}

TEST(Check, TransfersInAnotherOrderOnTheOtherRankAreFound) {
  Schedule schedule = make_schedule(ScheduleKind::gpipe, {2, 4});
  std::iter_swap(find(schedule, 0, Work::send_activation, 1), find(schedule, 0, Work::send_activation, 2));
  // Where the first of the two now stands its micro-batch is not computed yet: put the sends behind all forwards.
  std::stable_partition(rank_of(schedule, 0).begin(), rank_of(schedule, 0).end(),
                        [](const Action& a) { return a.work == Work::forward; });
  expect_words(complaint(schedule),
               {"gpipe", "number 2", "rank 0: send activation 2 to rank 1", "rank 1: recv activation 1 from rank 0"});
}

TEST(Check, ACircleOfWaitingIsFound) {
  // Both ranks send before they receive: with rendezvous neither gets to its receive.
  Schedule schedule = make_schedule(ScheduleKind::one_f_one_b, {2, 3});
  auto& actions = rank_of(schedule, 1);
  const auto receive = find(schedule, 1, Work::recv_activation, 1);
  const Action moved = *receive;
  actions.erase(receive);
  actions.insert(find(schedule, 1, Work::send_gradient, 0) + 1, moved);
  const auto sent = find(schedule, 0, Work::send_activation, 1);
  const auto got = find(schedule, 0, Work::recv_gradient, 0);
  ASSERT_LT(sent, got) << "the first rank sends before it receives";
  expect_words(complaint(schedule),
               {"circle", "rank 0: send activation 1 to rank 1", "waits for", "rank 1: send gradient 0 to rank 0"});
  EXPECT_EQ(complaint(schedule, 2), "no error") << "with a transfer to spare it comes through";
}

TEST(Check, AComputationThatWaitsForItsOwnResultIsFound) {
  Schedule schedule = make_schedule(ScheduleKind::interleaved, {2, 2, 2});
  std::iter_swap(find(schedule, 0, Work::forward, 0, 0), find(schedule, 0, Work::forward, 0, 1));
  for (auto& actions : schedule.table) std::erase_if(actions, [](const Action& a) { return is_transfer(a.work); });
  expect_words(test::message_of<Error>([&] { add_transfers(schedule); }), {"interleaved", "waits for ever at F 0"});
}

TEST(Check, ABrokenPromiseOfMemoryIsFound) {
  Schedule schedule = three_by_four();
  schedule.promised[0] = 2;
  expect_words(complaint(schedule), {"rank 0", "F 2", "number 3 in flight", "at most 2"});
}

TEST(Check, NumbersOutsideTheTableAreFound) {
  Schedule schedule = three_by_four();
  find(schedule, 1, Work::forward, 3)->micro = 4;
  expect_words(complaint(schedule), {"rank 1", "F 4", "4 micro-batches"});
  schedule = three_by_four();
  schedule.table.pop_back();
  expect_words(complaint(schedule), {"expected 3 ranks"});
}

// Not one place of a table is without a check: any two neighbours that are exchanged, and any action that is left out,
// is refused or is still a table that comes to its end.
TEST(Check, WhateverIsAcceptedComesToItsEnd) {
  for (const ScheduleKind kind : all_schedules) {
    const Schedule good =
        make_schedule(kind, {3, 4, kind == ScheduleKind::interleaved || kind == ScheduleKind::zb_v ? 2 : 1});
    for (std::size_t rank = 0; rank < 3; ++rank)
      for (std::size_t i = 0; i < good.table[rank].size(); ++i) {
        Schedule without = good;
        without.table[rank].erase(without.table[rank].begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_NE(complaint(without), "no error")
            << good.name << " without " << describe(good.table[rank][i], good.shape);
        if (i == 0) continue;
        Schedule swapped = good;
        std::swap(swapped.table[rank][i - 1], swapped.table[rank][i]);
        if (complaint(swapped) == "no error") {
          EXPECT_NO_THROW(simulate(swapped));
        }
      }
  }
}

}  // namespace
}  // namespace trireme::parallel
