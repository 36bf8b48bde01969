// Groups over memory that the host cannot reach: the whole suite, with windows of one and of many pieces.
#include "collectives/staged/staged_group.h"

#include <gtest/gtest.h>

#include "tests/collectives/operations.h"
#include "tests/support/far_device.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

struct Staging {
  int ranks = 1;
  std::int64_t window_bytes = 0;
  bool pretend_processes = false;
};
void PrintTo(const Staging& staging, std::ostream* out) {
  *out << staging.ranks << "With" << staging.window_bytes << (staging.pretend_processes ? "AsProcesses" : "");
}

// Calls body(group, device) on every rank, with staged groups over far devices.
void run_staged(const Staging& staging, const std::function<void(Group&, Device&)>& body) {
  const GroupOptions options{.deadline = 60.0, .pretend_processes = staging.pretend_processes};
  auto hosts = make_thread_groups(staging.ranks, options);
  std::vector<std::jthread> threads;
  for (auto& owned : hosts) {
    threads.emplace_back([&, host = std::move(owned)]() mutable {
      FarDevice device;
      const auto group = make_staged_group(std::move(host), device, {.window_bytes = staging.window_bytes});
      try {
        body(*group, device);
      } catch (const PeerFailed&) {  // its rank says what happened
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
        group->abort(error.what());
      }
    });
  }
}

class Staged : public ::testing::TestWithParam<Staging> {};

TEST_P(Staged, AllReduce) {
  run_staged(GetParam(), check_all_reduce);
}
TEST_P(Staged, AllGather) {
  run_staged(GetParam(), check_all_gather);
}
TEST_P(Staged, ReduceScatter) {
  run_staged(GetParam(), check_reduce_scatter);
}
TEST_P(Staged, Broadcast) {
  run_staged(GetParam(), check_broadcast);
}
TEST_P(Staged, AllToAll) {
  run_staged(GetParam(), check_all_to_all);
}
TEST_P(Staged, SendRecv) {
  run_staged(GetParam(), check_send_recv);
}
TEST_P(Staged, Barrier) {
  run_staged(GetParam(), check_barrier);
}
TEST_P(Staged, Windows) {
  run_staged(GetParam(), check_windows);
}
TEST_P(Staged, Split) {
  run_staged(GetParam(), check_split);
}
TEST_P(Staged, RandomOrder) {
  run_staged(GetParam(), [](Group& group, Device& device) { check_random_order(group, device, 3); });
}
TEST_P(Staged, SumsHaveTheBitsOfTheHost) {
  std::uint64_t of_host = 0, of_staged = 0;
  run_ranks(GetParam().ranks, [&](Group& group, Device& device) {
    const std::uint64_t sum = checksum_of_sums(group, device);
    if (group.rank() == 0) of_host = sum;
  });
  run_staged(GetParam(), [&](Group& group, Device& device) {
    const std::uint64_t sum = checksum_of_sums(group, device);
    if (group.rank() == 0) of_staged = sum;
  });
  EXPECT_EQ(of_staged, of_host);
}

INSTANTIATE_TEST_SUITE_P(Ranks, Staged,
                         ::testing::Values(Staging{1, 1 << 16}, Staging{2, 1 << 20}, Staging{3, 100'000, true},
                                           Staging{4, 1 << 20, true}),
                         ::testing::PrintToStringParamName());

TEST(Staged, AMessageNeedsOnlyItsTwoRanks) {
  run_staged({.ranks = 3, .window_bytes = 1 << 16}, [](Group& group, Device& device) {
    const auto letter = device.allocate(1 << 18, MemoryKind::workspace);
    const Region region{.data = letter->data(), .count = 1 << 16, .dtype = DType::f32, .label = "letter"};
    if (group.rank() == 2) group.send(region, 0, device.compute());
    if (group.rank() == 0) group.recv(region, 2, device.compute());
  });
}

TEST(Staged, RegionsThatDoNotFitAreRefused) {
  run_staged({.ranks = 2, .window_bytes = 1 << 16}, [](Group& group, Device& device) {
    const auto memory = device.allocate(4096, MemoryKind::workspace);
    const Region three{.data = memory->data(), .count = 3, .dtype = DType::f32};
    const Region five{.data = memory->data(), .count = 5, .dtype = DType::f32};
    EXPECT_THROW(group.all_gather(three, five, device.compute()), Error);
    EXPECT_THROW(group.reduce_scatter(five, three, Reduction::sum, device.compute()), Error);
    EXPECT_THROW(group.all_to_all(three, three, device.compute()), Error);
  });
}

}  // namespace
}  // namespace trireme::test
