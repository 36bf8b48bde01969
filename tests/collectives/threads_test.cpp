// Ranks as threads: the whole suite, on one to eight ranks.
#include <gtest/gtest.h>

#include "tests/collectives/operations.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

struct Fleet {
  int ranks = 1;
  bool pretend_processes = false;
};
void PrintTo(const Fleet& fleet, std::ostream* out) {
  *out << fleet.ranks << (fleet.pretend_processes ? "AsProcesses" : "");
}

class Threads : public ::testing::TestWithParam<Fleet> {
 protected:
  void on_every_rank(const std::function<void(Group&, Device&)>& check) {
    const GroupOptions options{.deadline = 60.0, .pretend_processes = GetParam().pretend_processes};
    run_ranks(GetParam().ranks, options, [&](Group& group, Device& device) {
      ASSERT_EQ(group.size(), GetParam().ranks);
      check(group, device);
    });
  }
};

TEST_P(Threads, AllReduce) {
  on_every_rank(check_all_reduce);
}
TEST_P(Threads, AllGather) {
  on_every_rank(check_all_gather);
}
TEST_P(Threads, ReduceScatter) {
  on_every_rank(check_reduce_scatter);
}
TEST_P(Threads, Broadcast) {
  on_every_rank(check_broadcast);
}
TEST_P(Threads, AllToAll) {
  on_every_rank(check_all_to_all);
}
TEST_P(Threads, SendRecv) {
  on_every_rank(check_send_recv);
}
TEST_P(Threads, Barrier) {
  on_every_rank(check_barrier);
}
TEST_P(Threads, Windows) {
  on_every_rank(check_windows);
}
TEST_P(Threads, Split) {
  on_every_rank(check_split);
}
TEST_P(Threads, RandomOrder) {
  for (unsigned seed : {1u, 2u})
    on_every_rank([seed](Group& group, Device& device) { check_random_order(group, device, seed); });
}

INSTANTIATE_TEST_SUITE_P(Ranks, Threads,
                         ::testing::Values(Fleet{1}, Fleet{2}, Fleet{3}, Fleet{4}, Fleet{8}, Fleet{2, true},
                                           Fleet{5, true}),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace trireme::test
