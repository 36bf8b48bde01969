// The suite on ranks that mpirun has started: every rank runs this same program. Arguments after GoogleTest's own:
//   --pretend-hosts=0,0,1,1   the host that each rank pretends to be on
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>

#include "collectives/rendezvous/place.h"
#include "collectives/rendezvous/world.h"
#include "runtime/device/cpu/cpu_device.h"
#include "tests/collectives/operations.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

class Ranks : public ::testing::Environment {
 public:
  explicit Ranks(GroupOptions options) : world(options), group(world.group()), device(make_cpu_device()) {}
  void TearDown() override {
    group->barrier(device->compute());
    group.reset();
  }

  World world;
  std::unique_ptr<Group> group;
  std::unique_ptr<Device> device;
};

Ranks* ranks = nullptr;

TEST(Mpi, AllReduce) {
  check_all_reduce(*ranks->group, *ranks->device);
}
TEST(Mpi, AllGather) {
  check_all_gather(*ranks->group, *ranks->device);
}
TEST(Mpi, ReduceScatter) {
  check_reduce_scatter(*ranks->group, *ranks->device);
}
TEST(Mpi, Broadcast) {
  check_broadcast(*ranks->group, *ranks->device);
}
TEST(Mpi, AllToAll) {
  check_all_to_all(*ranks->group, *ranks->device);
}
TEST(Mpi, SendRecv) {
  check_send_recv(*ranks->group, *ranks->device);
}
TEST(Mpi, Barrier) {
  check_barrier(*ranks->group, *ranks->device);
}
TEST(Mpi, Windows) {
  check_windows(*ranks->group, *ranks->device);
}
TEST(Mpi, Split) {
  check_split(*ranks->group, *ranks->device);
}
TEST(Mpi, RandomOrder) {
  for (unsigned seed : {1u, 2u}) check_random_order(*ranks->group, *ranks->device, seed);
}

// The same bits as ranks that are threads of this process.
TEST(Mpi, SumsHaveTheBitsOfThreads) {
  std::uint64_t of_threads = 0;
  run_ranks(ranks->group->size(), [&](Group& group, Device& device) {
    const std::uint64_t sum = checksum_of_sums(group, device);
    if (group.rank() == 0) of_threads = sum;
  });
  EXPECT_EQ(checksum_of_sums(*ranks->group, *ranks->device), of_threads);
}

TEST(Mpi, EveryRankHasAPlace) {
  ASSERT_EQ(static_cast<int>(ranks->world.places().size()), ranks->group->size());
  EXPECT_EQ(ranks->world.rank(), ranks->group->rank());
  EXPECT_EQ(ranks->world.places()[static_cast<std::size_t>(ranks->world.rank())].local_rank, ranks->world.local_rank());
  EXPECT_EQ(ranks->group->transport(), "mpi");
}

GroupOptions options_from(int argc, char** argv) {
  GroupOptions options{.deadline = 60.0};
  const std::string prefix = "--pretend-hosts=";
  for (int at = 1; at < argc; ++at) {
    const std::string argument = argv[at];
    if (!argument.starts_with(prefix)) continue;
    std::istringstream hosts(argument.substr(prefix.size()));
    for (std::string host; std::getline(hosts, host, ',');) options.pretend_hosts.push_back(std::stoi(host));
  }
  return options;
}

}  // namespace
}  // namespace trireme::test

int main(int argc, char** argv) {
  using namespace trireme::test;
  ::testing::InitGoogleTest(&argc, argv);
  if (!trireme::launched_by([](const char* name) -> const char* { return std::getenv(name); }).is_rank()) return 1;
  ranks = new Ranks(options_from(argc, argv));
  ::testing::AddGlobalTestEnvironment(ranks);
  return RUN_ALL_TESTS();
}
