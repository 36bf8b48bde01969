// Groups of GPUs: ranks that share one, through host memory; and NCCL, with as many ranks as there are GPUs.
#include <gtest/gtest.h>

#include "collectives/rendezvous/device_group.h"
#include "runtime/device/cuda_plugin.h"
#include "tests/collectives/operations.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

struct Joined {
  int ranks = 0;  // 0: one for each GPU
  std::string transport;
};
void PrintTo(const Joined& joined, std::ostream* out) {
  *out << joined.transport << joined.ranks;
}

void on_gpus(const Joined& joined, const std::function<void(Group&, Device&)>& body) {
  const CudaPlugin plugin = CudaPlugin::load();
  const int ranks = joined.ranks > 0 ? joined.ranks : plugin.devices();
  run_ranks(ranks, std::function<void(Group&)>([&](Group& host) {
              const auto device = plugin.make_device(host.rank() % plugin.devices());
              const DeviceGroup group =
                  make_device_group(host, *device, {.transport = joined.transport, .deadline = 60.0});
              body(*group.group, *device);
              device->communication().synchronize();
              device->compute().synchronize();
            }),
            60.0);
}

class Gpus : public ::testing::TestWithParam<Joined> {};

TEST_P(Gpus, AllReduce) {
  on_gpus(GetParam(), check_all_reduce);
}
TEST_P(Gpus, AllGather) {
  on_gpus(GetParam(), check_all_gather);
}
TEST_P(Gpus, ReduceScatter) {
  on_gpus(GetParam(), check_reduce_scatter);
}
TEST_P(Gpus, Broadcast) {
  on_gpus(GetParam(), check_broadcast);
}
TEST_P(Gpus, AllToAll) {
  on_gpus(GetParam(), check_all_to_all);
}
TEST_P(Gpus, SendRecv) {
  on_gpus(GetParam(), check_send_recv);
}
TEST_P(Gpus, Barrier) {
  on_gpus(GetParam(), check_barrier);
}
TEST_P(Gpus, Windows) {
  on_gpus(GetParam(), check_windows);
}
TEST_P(Gpus, Split) {
  on_gpus(GetParam(), check_split);
}
TEST_P(Gpus, RandomOrder) {
  on_gpus(GetParam(), [](Group& group, Device& device) { check_random_order(group, device, 3); });
}

INSTANTIATE_TEST_SUITE_P(Transports, Gpus,
                         ::testing::Values(Joined{1, "host"}, Joined{2, "host"}, Joined{4, "host"}, Joined{0, "nccl"}),
                         ::testing::PrintToStringParamName());

TEST(Gpus, RanksThatShareOneAddAsOnTheHost) {
  std::uint64_t of_host = 0, of_gpus = 0;
  run_ranks(2, [&](Group& group, Device& device) {
    const std::uint64_t sum = checksum_of_sums(group, device);
    if (group.rank() == 0) of_host = sum;
  });
  on_gpus({2, "host"}, [&](Group& group, Device& device) {
    const std::uint64_t sum = checksum_of_sums(group, device);
    if (group.rank() == 0) of_gpus = sum;
  });
  EXPECT_EQ(of_gpus, of_host);
}

TEST(Gpus, NcclAddsTheSameBitsEveryTime) {
  std::vector<std::uint64_t> sums;
  for (int round = 0; round < 2; ++round)
    on_gpus({0, "nccl"}, [&](Group& group, Device& device) {
      const std::uint64_t sum = checksum_of_sums(group, device);
      if (group.rank() == 0) sums.push_back(sum);
    });
  EXPECT_EQ(sums[0], sums[1]);
}

TEST(Gpus, NcclIsRefusedToRanksThatShareOne) {
  const int too_many = CudaPlugin::load().devices() + 1;
  try {
    on_gpus({too_many, "nccl"}, [](Group&, Device&) {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("share GPU 0"), std::string::npos) << error.what();
  }
}

// A sum over the ranks as part of captured work.
TEST(Gpus, NcclIsCaptured) {
  on_gpus({0, "nccl"}, [](Group& group, Device& device) {
    ASSERT_TRUE(group.capturable());
    const std::vector<float> one{1.0f};
    const auto value = group.allocate(device, 4, MemoryKind::gradients);
    device.copy_from_host(value->data(), one.data(), 4);
    const Region region{.data = value->data(), .count = 1, .dtype = DType::f32, .label = "captured"};
    group.all_reduce(region, Reduction::sum, device.compute());
    const auto replay = device.capture([&] { group.all_reduce(region, Reduction::sum, device.compute()); });
    for (int round = 0; round < 3; ++round) replay->launch();
    float result = 0.0f;
    device.copy_to_host(&result, value->data(), 4);
    float expected = 1.0f;
    for (int round = 0; round < 4; ++round) expected *= static_cast<float>(group.size());
    EXPECT_EQ(result, expected);
  });
}

}  // namespace
}  // namespace trireme::test
