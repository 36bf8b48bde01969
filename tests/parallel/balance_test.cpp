#include "parallel/balance/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::parallel {
namespace {

using Costs = std::vector<double>;
using Ends = std::vector<std::int64_t>;

void for_each_division(std::int64_t layers, int stages, Ends& ends, const std::function<void()>& visit) {
  const std::int64_t begin = ends.empty() ? 0 : ends.back();
  if (stages == 1) {
    ends.push_back(layers);
    visit();
    ends.pop_back();
    return;
  }
  for (std::int64_t end = begin + 1; end + stages - 1 <= layers; ++end) {
    ends.push_back(end);
    for_each_division(layers, stages - 1, ends, visit);
    ends.pop_back();
  }
}

struct Quality {
  double largest = std::numeric_limits<double>::infinity();
  double squares = std::numeric_limits<double>::infinity();
  auto operator<=>(const Quality&) const = default;
};

Quality quality(const Costs& costs, const Ends& ends, const BalanceOptions& options) {
  const Costs stages = stage_costs(costs, ends, options);
  return {*std::max_element(stages.begin(), stages.end()),
          std::inner_product(stages.begin(), stages.end(), stages.begin(), 0.0)};
}

TEST(Balance, IsAsGoodAsTheBestOfAllDivisions) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto draw = [&](std::uint64_t i, std::uint32_t bound) {
      return static_cast<double>(random_word({seed, hash_name("balance")}, i) % bound);
    };
    const std::int64_t layers = 1 + static_cast<std::int64_t>(draw(0, 10));
    Costs costs;
    for (std::int64_t i = 0; i < layers; ++i) costs.push_back(draw(static_cast<std::uint64_t>(10 + i), 12));
    for (int stages = 1; stages <= layers; ++stages) {
      const BalanceOptions options{.stages = stages, .first = draw(1, 20), .last = draw(2, 20)};
      Quality best;
      Ends ends;
      for_each_division(layers, stages, ends, [&] { best = std::min(best, quality(costs, ends, options)); });
      const Ends found = balance(costs, options);
      ASSERT_EQ(found.size(), static_cast<std::size_t>(stages));
      EXPECT_EQ(found.back(), layers);
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_GT(found[i], i == 0 ? 0 : found[i - 1]);
      const Quality got = quality(costs, found, options);
      EXPECT_EQ(got.largest, best.largest) << "seed " << seed << ", stages " << stages;
      EXPECT_EQ(got.squares, best.squares) << "seed " << seed << ", stages " << stages;
    }
  }
}

TEST(Balance, EqualLayersAreDealtOutEvenly) {
  EXPECT_EQ(balance(Costs(12, 1.0), {.stages = 4}), (Ends{3, 6, 9, 12}));
  const Costs stages = stage_costs(Costs(10, 1.0), balance(Costs(10, 1.0), {.stages = 4}), {.stages = 4});
  EXPECT_EQ(std::count(stages.begin(), stages.end(), 3.0), 2);
  EXPECT_EQ(std::count(stages.begin(), stages.end(), 2.0), 2);
}

TEST(Balance, AHeavyHeadLeavesTheLastStageFewerLayers) {
  EXPECT_EQ(balance(Costs(12, 1.0), {.stages = 3, .last = 3.0}), (Ends{5, 10, 12}));
  EXPECT_EQ(balance(Costs(4, 1.0), {.stages = 2, .last = 100.0}), (Ends{3, 4}));
}

TEST(Balance, RefusesWhatCannotBeDivided) {
  EXPECT_THROW(balance(Costs(4, 1.0), {.stages = 5}), Error);
  EXPECT_THROW(balance(Costs(4, 1.0), {.stages = 0}), Error);
  EXPECT_THROW(balance(Costs{1.0, -1.0}, {.stages = 1}), Error);
  EXPECT_THROW(balance(Costs{1.0, std::numeric_limits<double>::quiet_NaN()}, {.stages = 1}), Error);
}

TEST(Balance, HundredsOfLayersTakeNoTime) {
  Costs costs;
  for (std::uint64_t i = 0; i < 2000; ++i) costs.push_back(1.0 + unit_float(random_word({1, 2}, i)));
  const Ends ends = balance(costs, {.stages = 128, .first = 3.0, .last = 8.0});
  const Costs stages = stage_costs(costs, ends, {.stages = 128, .first = 3.0, .last = 8.0});
  EXPECT_LT(*std::max_element(stages.begin(), stages.end()), 1.05 * (3000.0 + 11.0) / 128.0);
}

}  // namespace
}  // namespace trireme::parallel
