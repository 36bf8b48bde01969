#include "runtime/data/order.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

std::vector<std::int64_t> epoch_of(const Order& order, std::int64_t samples, std::int64_t epoch) {
  std::vector<std::int64_t> visited;
  for (std::int64_t i = 0; i < samples; ++i) {
    const Order::Place place = order.at(epoch * samples + i);
    EXPECT_EQ(place.epoch, epoch);
    visited.push_back(place.sample);
  }
  return visited;
}

TEST(Order, SequentialIsTheSamplesInOrderAgainAndAgain) {
  const Order order(OrderKind::sequential, 3, 0);
  for (std::int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(order.at(i).epoch, i / 3);
    EXPECT_EQ(order.at(i).sample, i % 3);
  }
}

TEST(Order, ShuffledVisitsEverySampleOncePerEpoch) {
  for (std::int64_t samples : {1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 65, 100, 1000, 4097}) {
    const Order order(OrderKind::shuffled, samples, 11);
    for (std::int64_t epoch : {0, 1, 5}) {
      const std::vector<std::int64_t> visited = epoch_of(order, samples, epoch);
      const std::set<std::int64_t> distinct(visited.begin(), visited.end());
      ASSERT_EQ(static_cast<std::int64_t>(distinct.size()), samples) << samples << " samples, epoch " << epoch;
      ASSERT_EQ(*distinct.begin(), 0);
      ASSERT_EQ(*distinct.rbegin(), samples - 1);
    }
  }
}

TEST(Order, EpochsAndSeedsDifferAndRepeat) {
  const Order order(OrderKind::shuffled, 1000, 1);
  EXPECT_NE(epoch_of(order, 1000, 0), epoch_of(order, 1000, 1));
  EXPECT_NE(epoch_of(order, 1000, 0), epoch_of(Order(OrderKind::shuffled, 1000, 2), 1000, 0));
  EXPECT_EQ(epoch_of(order, 1000, 3), epoch_of(Order(OrderKind::shuffled, 1000, 1), 1000, 3));
  EXPECT_NE(epoch_of(order, 1000, 0), epoch_of(Order(OrderKind::sequential, 1000, 1), 1000, 0));
}

// The first place of an epoch must be spread evenly over the samples, and neighbours must not stay neighbours.
TEST(Order, ShuffledLooksRandom) {
  constexpr std::int64_t samples = 10;
  constexpr int epochs = 20000;
  std::vector<int> first(samples, 0);
  std::vector<int> distance(samples, 0);
  const Order order(OrderKind::shuffled, samples, 3);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const std::int64_t a = order.at(epoch * samples).sample;
    const std::int64_t b = order.at(epoch * samples + 1).sample;
    ++first[static_cast<std::size_t>(a)];
    ++distance[static_cast<std::size_t>((b - a + samples) % samples)];
  }
  // Nine degrees of freedom: chi-squared above 33.7 has probability 1e-4.
  double chi = 0;
  for (int count : first) chi += (count - epochs / 10.0) * (count - epochs / 10.0) / (epochs / 10.0);
  EXPECT_LT(chi, 33.7);
  EXPECT_EQ(distance[0], 0);
  chi = 0;
  for (std::size_t d = 1; d < samples; ++d)
    chi += (distance[d] - epochs / 9.0) * (distance[d] - epochs / 9.0) / (epochs / 9.0);
  EXPECT_LT(chi, 33.7);
}

TEST(Order, LargeSetsNeedNoTable) {
  const Order order(OrderKind::shuffled, std::int64_t{3} << 40, 5);
  std::set<std::int64_t> visited;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const std::int64_t sample = order.at(i).sample;
    ASSERT_GE(sample, 0);
    ASSERT_LT(sample, std::int64_t{3} << 40);
    visited.insert(sample);
  }
  EXPECT_EQ(visited.size(), 1000u);
  EXPECT_GT(*visited.rbegin() - *visited.begin(), std::int64_t{2} << 40);
}

// A run must go on in the same order after an upgrade: these are part of the format of a checkpoint.
TEST(Order, IsFixedForEver) {
  EXPECT_EQ(epoch_of(Order(OrderKind::shuffled, 10, 42), 10, 0),
            (std::vector<std::int64_t>{7, 5, 6, 4, 3, 9, 8, 1, 2, 0}));
  EXPECT_EQ(Order(OrderKind::shuffled, 1000000, 42).at(123456789).sample, 995603);
}

TEST(Order, RefusesNonsense) {
  EXPECT_THROW(Order(OrderKind::shuffled, 0, 1), Error);
  EXPECT_THROW((void)Order(OrderKind::shuffled, 5, 1).at(-1), Error);
}

}  // namespace
}  // namespace trireme::data
