// What the measurement of a group's operations reports.
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "collectives/bench/measure.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

TEST(Measure, ReportsEveryOperationOfEverySize) {
  std::mutex mutex;
  std::vector<std::vector<CollectiveTiming>> results;
  run_ranks(2, [&](Group& group, Device& device) {
    auto timings = measure_collectives(group, device, {.sizes = {4, 65'536}, .samples = 3});
    std::lock_guard lock(mutex);
    results.push_back(std::move(timings));
  });
  ASSERT_EQ(results.size(), 2u);
  ASSERT_EQ(results[0].size(), 2u + 5u);  // one element cannot be shared out: only the all_reduces
  for (std::size_t at = 0; at < results[0].size(); ++at) {
    const CollectiveTiming& timing = results[0][at];
    EXPECT_GT(timing.seconds, 0.0);
    EXPECT_EQ(timing.seconds, results[1][at].seconds);  // all ranks agree
    EXPECT_EQ(timing.ranks, 2);
    EXPECT_DOUBLE_EQ(timing.algorithm_bandwidth, static_cast<double>(timing.bytes) / timing.seconds);
    const double factor = timing.operation == "all_reduce" || timing.operation == "broadcast" ? 1.0 : 0.5;
    EXPECT_DOUBLE_EQ(timing.bus_bandwidth, timing.algorithm_bandwidth * factor) << timing.operation;
  }
  EXPECT_EQ(results[0][0].memory, "window");
  EXPECT_EQ(results[0][1].memory, "device");
  EXPECT_EQ(results[0][6].operation, "broadcast");
}

}  // namespace
}  // namespace trireme::test
