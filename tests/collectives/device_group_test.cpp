#include "collectives/rendezvous/device_group.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

// Ranks with GPUs of these numbers.
std::vector<GpuIdentity> ranks_on(std::initializer_list<int> gpus, int nccl_version = 22809) {
  std::vector<GpuIdentity> identities;
  for (const int gpu : gpus) {
    GpuIdentity identity;
    identity.uuid[3] = static_cast<std::uint8_t>(gpu);
    identity.index = gpu;
    identity.nccl_version = nccl_version;
    std::strcpy(identity.name, "NVIDIA H200");
    identities.push_back(identity);
  }
  return identities;
}

std::string refusal(const std::vector<GpuIdentity>& gpus, const DeviceGroupOptions& options) {
  try {
    choose_joining(gpus, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(DeviceGroup, RanksWithGpusOfTheirOwnAreJoinedByNccl) {
  EXPECT_TRUE(choose_joining(ranks_on({0, 1, 2}), {.transport = "auto"}).nccl);
  EXPECT_TRUE(choose_joining(ranks_on({0, 1, 2}), {.transport = "nccl"}).nccl);
  EXPECT_EQ(choose_joining(ranks_on({0, 1, 2}), {.transport = "auto"}).note, "");
  EXPECT_FALSE(choose_joining(ranks_on({0, 1, 2}), {.transport = "host"}).nccl);
}

TEST(DeviceGroup, OneRankNeedsNoNcclButMayHaveIt) {
  EXPECT_FALSE(choose_joining(ranks_on({0}), {.transport = "auto"}).nccl);
  EXPECT_TRUE(choose_joining(ranks_on({0}), {.transport = "nccl"}).nccl);
}

TEST(DeviceGroup, RanksThatShareAGpuPassThroughHostMemoryAndAreTold) {
  const Joining joining = choose_joining(ranks_on({0, 1, 0}), {.transport = "auto"});
  EXPECT_FALSE(joining.nccl);
  EXPECT_EQ(joining.note,
            "ranks 0 and 2 share GPU 0 (NVIDIA H200): what ranks exchange passes through host memory, not NCCL");
}

TEST(DeviceGroup, ASharedGpuIsRefusedBeforeNcclRefusesIt) {
  EXPECT_EQ(refusal(ranks_on({3, 3}), {.transport = "nccl"}),
            "[nccl] ranks 0 and 1 share GPU 3 (NVIDIA H200); NCCL wants one for each rank (from 2.30 on: parallel { "
            "share_gpu: true }); start fewer ranks per host, or use --set parallel.transport=host");
  EXPECT_EQ(
      refusal(ranks_on({3, 3}), {.transport = "nccl", .share_gpu = true}),
      "[nccl] ranks 0 and 1 share GPU 3 (NVIDIA H200); NCCL allows that from 2.30 on, and here is 2.28; start fewer "
      "ranks per host, or use --set parallel.transport=host");
  EXPECT_NE(refusal(ranks_on({0, 1}), {.transport = "smoke"}).find("found smoke"), std::string::npos);
}

TEST(DeviceGroup, ANewNcclMaySharesAGpuWhereThatIsAskedFor) {
  EXPECT_TRUE(choose_joining(ranks_on({3, 3}, 23001), {.transport = "nccl", .share_gpu = true}).nccl);
  EXPECT_TRUE(choose_joining(ranks_on({3, 3}, 23001), {.transport = "auto", .share_gpu = true}).nccl);
  EXPECT_FALSE(choose_joining(ranks_on({3, 3}, 23001), {.transport = "auto"}).nccl);
  std::vector<GpuIdentity> mixed = ranks_on({3, 3}, 23001);
  mixed[1].nccl_version = 22809;  // the oldest decides
  EXPECT_NE(refusal(mixed, {.transport = "nccl", .share_gpu = true}).find("here is 2.28"), std::string::npos);
}

TEST(DeviceGroup, OnACpuTheHostsGroupIsTheGroup) {
  run_ranks(2, [](Group& group, Device& device) {
    const DeviceGroup joined = make_device_group(group, device, {});
    EXPECT_EQ(joined.group, nullptr);
    EXPECT_EQ(joined.note, "");
  });
}

// A group tells of other ranks' failures also between its operations.
TEST(DeviceGroup, CheckThrowsOnceAnotherRankHasFailed) {
  run_ranks(2, [](Group& group, Device& device) {
    group.check();
    group.barrier(device.compute());
    if (group.rank() == 0) {
      group.abort("the disk is full");
      return;
    }
    const auto begin = std::chrono::steady_clock::now();
    std::string words;
    while (words.empty() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)) {
      try {
        group.check();
      } catch (const PeerFailed& error) {
        words = error.what();
      }
    }
    EXPECT_NE(words.find("rank 0 on host"), std::string::npos) << words;
    EXPECT_NE(words.find("the disk is full"), std::string::npos) << words;
  });
}

}  // namespace
}  // namespace trireme::test
