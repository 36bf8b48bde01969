// A GPU's memory: accounted for as on a dry device, reused without waiting, and an error that helps when it is short.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/device/dry/dry_device.h"
#include "runtime/tensor/tensor.h"
#include "tests/runtime/cuda_device/subject.h"

namespace trireme::test {
namespace {

constexpr std::int64_t mib = 1 << 20;

class CudaMemory : public testing::Test {
 protected:
  std::unique_ptr<Device> owned_ = make_subject();
  Device& device_ = *owned_;
};

void requests(Device& device) {
  std::vector<std::shared_ptr<Storage>> kept;
  for (int round = 1; round <= 40; ++round) {
    kept.push_back(device.allocate(round * 100'003, static_cast<MemoryKind>(round % memory_kinds)));
    if (round % 3 == 0) kept.erase(kept.begin() + round % static_cast<int>(kept.size()));
  }
}

TEST_F(CudaMemory, AgreesWithADryDeviceToTheByte) {
  const auto dry = make_dry_device();
  for (Device* device : {&device_, dry.get()}) requests(*device);
  const MemoryReport here = device_.memory(), there = dry->memory();
  EXPECT_EQ(here.live, there.live);
  EXPECT_EQ(here.peak, there.peak);
  EXPECT_EQ(here.at_peak_by_kind, there.at_peak_by_kind);
}

TEST_F(CudaMemory, ComesBackAsItWasWritten) {
  for (const std::int64_t count : {std::int64_t{1}, std::int64_t{1000}, std::int64_t{5'000'001}}) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), 7);
    const Tensor tensor = from_host<std::int32_t>(device_, values, {count});
    EXPECT_EQ(to_host<std::int32_t>(tensor), values);
  }
}

TEST_F(CudaMemory, HostMemoryMayBeReusedAtOnce) {
  const auto pinned = device_.allocate_host(4 * mib);
  auto* numbers = reinterpret_cast<std::int32_t*>(pinned->data());
  EXPECT_EQ(numbers[mib - 1], 0);
  const auto target = device_.allocate(4 * mib, MemoryKind::workspace);
  std::fill_n(numbers, mib, 3);
  device_.copy_from_host(target->data(), pinned->data(), 4 * mib);
  std::fill_n(numbers, mib, 4);
  std::vector<std::int32_t> back(mib);
  device_.copy_to_host(back.data(), target->data(), 4 * mib);
  EXPECT_EQ(back, std::vector<std::int32_t>(mib, 3));
}

TEST_F(CudaMemory, ReleasedMemoryIsTheNextRequests) {
  std::byte* first = device_.allocate(10 * mib, MemoryKind::activations)->data();
  EXPECT_EQ(device_.allocate(10 * mib, MemoryKind::activations)->data(), first);
}

TEST_F(CudaMemory, WhatCannotBeHadIsAnErrorThatSaysWhatIsHeld) {
  const auto weights = device_.allocate(64 * mib, MemoryKind::weights);
  try {
    device_.allocate(std::int64_t{1} << 50, MemoryKind::activations);
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const std::string_view words : {"[cuda memory] could not allocate 1048576.0 GiB (activations) on device 0 (",
                                         "weights 64.0 MiB", "batch.micro"})
      EXPECT_NE(text.find(words), std::string::npos) << text;
  }
  // And the device goes on.
  const Tensor tensor = from_host<float>(device_, std::vector<float>{1, 2, 3}, {3});
  EXPECT_EQ(to_host<float>(tensor), (std::vector<float>{1, 2, 3}));
}

TEST_F(CudaMemory, OutlivesItsDevice) {
  auto storage = device_.allocate(mib, MemoryKind::weights);
  owned_.reset();
  storage.reset();
}

}  // namespace
}  // namespace trireme::test
