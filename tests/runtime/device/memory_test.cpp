// The allocators' accounting: exact, and the same on every device.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/dry/dry_device.h"

namespace trireme::test {
namespace {

using Blocks = std::vector<std::shared_ptr<Storage>>;

bool operator==(const MemoryReport& a, const MemoryReport& b) {
  return a.live == b.live && a.peak == b.peak && a.live_by_kind == b.live_by_kind &&
         a.at_peak_by_kind == b.at_peak_by_kind;
}

struct Maker {
  std::string name;
  std::unique_ptr<Device> (*make)();
};
class Memory : public ::testing::TestWithParam<Maker> {
 protected:
  std::unique_ptr<Device> device_ = GetParam().make();
};
INSTANTIATE_TEST_SUITE_P(Devices, Memory,
                         ::testing::Values(Maker{"cpu", make_cpu_device}, Maker{"dry", make_dry_device}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(Memory, StartsEmpty) {
  EXPECT_TRUE(device_->memory() == MemoryReport{});
}

TEST_P(Memory, RequestsAreRoundedUpTo64Bytes) {
  const std::pair<std::int64_t, std::int64_t> table[] = {{0, 0},    {1, 64},      {63, 64},          {64, 64},
                                                         {65, 128}, {1000, 1024}, {5000001, 5000064}};
  for (auto [bytes, counted] : table) {
    const auto block = device_->allocate(bytes, MemoryKind::workspace);
    EXPECT_EQ(block->bytes(), bytes);
    EXPECT_EQ(device_->memory().live, counted) << bytes;
    EXPECT_EQ(rounded(bytes), counted);
  }
  EXPECT_EQ(device_->memory().live, 0);
  EXPECT_EQ(device_->memory().peak, 5000064);
}

TEST_P(Memory, ThePeakAndItsBreakdownAreThoseOfTheLargestMoment) {
  auto weights = device_->allocate(640, MemoryKind::weights);
  auto activations = device_->allocate(6400, MemoryKind::activations);
  activations.reset();
  const auto gradients = device_->allocate(1280, MemoryKind::gradients);
  const auto optimizer = device_->allocate(1920, MemoryKind::optimizer);
  const MemoryReport report = device_->memory();
  EXPECT_EQ(report.live, 640 + 1280 + 1920);
  EXPECT_EQ(report.peak, 640 + 6400);
  EXPECT_EQ(report.live_by_kind, (std::array<std::int64_t, memory_kinds>{640, 1280, 1920, 0, 0}));
  EXPECT_EQ(report.at_peak_by_kind, (std::array<std::int64_t, memory_kinds>{640, 0, 0, 6400, 0}));
  weights.reset();
  device_->reset_peak();
  EXPECT_EQ(device_->memory().peak, 1280 + 1920);
  EXPECT_EQ(device_->memory().at_peak_by_kind, (std::array<std::int64_t, memory_kinds>{0, 1280, 1920, 0, 0}));
}

TEST_P(Memory, AdoptedStorageCountsAsLongAsItLives) {
  const auto elsewhere = make_cpu_device();
  auto owned = elsewhere->allocate(100, MemoryKind::workspace);
  std::byte* const address = owned->data();
  auto adopted = device_->adopt(std::move(owned), MemoryKind::gradients);
  EXPECT_EQ(adopted->data(), address);
  EXPECT_EQ(adopted->bytes(), 100);
  EXPECT_EQ(device_->memory().live, 128);
  EXPECT_EQ(device_->memory().live_by_kind[static_cast<std::size_t>(MemoryKind::gradients)], 128);
  EXPECT_EQ(elsewhere->memory().live, 128);  // kept alive
  adopted.reset();
  EXPECT_EQ(device_->memory().live, 0);
  EXPECT_EQ(elsewhere->memory().live, 0);
}

TEST_P(Memory, StorageMayOutliveItsDevice) {
  auto block = device_->allocate(1000, MemoryKind::weights);
  device_.reset();
  block.reset();
}

TEST_P(Memory, ANegativeSizeIsAnError) {
  EXPECT_THROW(device_->allocate(-1, MemoryKind::weights), Error);
}

TEST_P(Memory, ThreadsMayAllocateAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      Blocks blocks;
      for (int i = 0; i < 500; ++i) blocks.push_back(device_->allocate(100 + i, MemoryKind::activations));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(device_->memory().live, 0);
  EXPECT_GE(device_->memory().peak, 500 * 128);
}

// The promise of a dry run: the same requests give the same report, to the byte, at every moment.
TEST(MemoryReports, CpuAndDryAgreeOnEveryRequestOfALongSequence) {
  const auto cpu = make_cpu_device(), dry = make_dry_device();
  std::map<std::uint32_t, std::pair<std::shared_ptr<Storage>, std::shared_ptr<Storage>>> live;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const PhiloxBlock words = philox({1, 2}, i);
    const std::uint32_t slot = words[0] % 60;
    const std::int64_t bytes = words[1] % (words[2] % 50 == 0 ? 3000000 : 5000);
    const auto kind = static_cast<MemoryKind>(words[3] % memory_kinds);
    if (words[2] % 3 == 0) {
      live.erase(slot);
    } else {
      live[slot] = {cpu->allocate(bytes, kind), dry->allocate(bytes, kind)};
    }
    if (i % 1000 == 999) cpu->reset_peak(), dry->reset_peak();
    ASSERT_TRUE(cpu->memory() == dry->memory()) << "after request " << i;
  }
  EXPECT_GT(cpu->memory().live, 0);
  live.clear();
  EXPECT_EQ(cpu->memory().live, 0);
  EXPECT_EQ(dry->memory().live, 0);
}

TEST(CpuMemory, BlocksAreAlignedDistinctAndUsedAgain) {
  const auto device = make_cpu_device();
  Blocks blocks;
  for (std::int64_t bytes : {1, 64, 100, 4096, 100000, 3 << 20, 3 << 20}) {
    blocks.push_back(device->allocate(bytes, MemoryKind::activations));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()->data()) % 64, 0u) << bytes;
    std::memset(blocks.back()->data(), static_cast<int>(blocks.size()), static_cast<std::size_t>(bytes));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i]->data()[0], static_cast<std::byte>(i + 1));
    EXPECT_EQ(blocks[i]->data()[blocks[i]->bytes() - 1], static_cast<std::byte>(i + 1));
  }
  std::byte* const address = blocks[4]->data();
  blocks[4].reset();
  EXPECT_EQ(device->allocate(100000, MemoryKind::weights)->data(), address);
}

TEST(CpuMemory, CopiesBothWays) {
  const auto device = make_cpu_device();
  const auto block = device->allocate(12, MemoryKind::weights);
  const std::vector<std::int32_t> sent{1, -2, 3};
  std::vector<std::int32_t> received(3);
  device->copy_from_host(block->data(), sent.data(), 12);
  device->copy_to_host(received.data(), block->data(), 12);
  EXPECT_EQ(received, sent);
  device->copy_from_host(nullptr, nullptr, 0);
}

TEST(DryMemory, HasNoBytes) {
  const auto device = make_dry_device();
  EXPECT_FALSE(device->has_data());
  const auto block = device->allocate(std::int64_t{1} << 50, MemoryKind::weights);  // a petabyte
  EXPECT_EQ(block->data(), nullptr);
  EXPECT_EQ(device->memory().live, std::int64_t{1} << 50);
  int host = 5;
  device->copy_to_host(&host, nullptr, sizeof(host));
  EXPECT_EQ(host, 5);
}

TEST(Devices, AreNamed) {
  EXPECT_EQ(name_of(make_cpu_device()->type()), "cpu");
  EXPECT_EQ(name_of(make_dry_device()->type()), "dry");
  EXPECT_EQ(name_of(DeviceType::cuda), "cuda");
  EXPECT_EQ(make_cpu_device()->index(), 0);
  EXPECT_TRUE(make_cpu_device()->has_data());
  const std::string_view kinds[] = {"weights", "gradients", "optimizer", "activations", "workspace"};
  for (int kind = 0; kind < memory_kinds; ++kind) EXPECT_EQ(name_of(static_cast<MemoryKind>(kind)), kinds[kind]);
}

}  // namespace
}  // namespace trireme::test
