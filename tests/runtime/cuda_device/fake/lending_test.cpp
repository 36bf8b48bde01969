// Memory that work of the communication stream, enqueued natively as NCCL does, still uses when it is released.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "runtime/device/cuda/cuda_device.h"

namespace trireme::test {
namespace {

class CudaLending : public testing::Test {
 protected:
  static constexpr std::int64_t bytes = 1 << 20;

  // Writes `value` to `place`, some milliseconds from now.
  void write_late(std::byte* place, Storage& source) {
    device_->used_on_communication(place);
    for (int round = 0; round < 20; ++round)
      cudaMemcpyAsync(place, source.data(), bytes, cudaMemcpyHostToDevice, device_->native_communication());
  }
  std::shared_ptr<Storage> pinned(int value) {
    auto storage = device_->allocate_host(bytes);
    std::fill_n(storage->data(), bytes, static_cast<std::byte>(value));
    return storage;
  }

  std::unique_ptr<cuda::CudaDevice> device_ = cuda::make_cuda_device(0);
};

TEST_F(CudaLending, TheNextOwnerWaitsForIt) {
  const auto ones = pinned(1), twos = pinned(2);
  auto lent = device_->allocate(bytes, MemoryKind::workspace);
  std::byte* const place = lent->data();
  write_late(place, *ones);
  lent.reset();
  const auto next = device_->allocate(bytes, MemoryKind::workspace);
  ASSERT_EQ(next->data(), place);
  device_->copy_from_host_later(place, twos->data(), bytes);
  std::vector<std::byte> back(bytes);
  device_->communication().synchronize();
  device_->copy_to_host(back.data(), place, bytes);
  EXPECT_EQ(std::count(back.begin(), back.end(), std::byte{2}), bytes);
}

TEST_F(CudaLending, CapturedWorkComesAfterIt) {
  const auto ones = pinned(1), twos = pinned(2), out = pinned(0);
  auto lent = device_->allocate(bytes, MemoryKind::workspace);
  std::byte* const place = lent->data();
  write_late(place, *ones);
  const auto replay = device_->capture([&] {
    lent.reset();
    const auto next = device_->allocate(bytes, MemoryKind::workspace);
    ASSERT_EQ(next->data(), place);
    device_->copy_from_host_later(place, twos->data(), bytes);
    for (int round = 0; round < 5; ++round) device_->copy_to_host_later(out->data(), place, bytes);
  });
  replay->launch();
  device_->compute().synchronize();
  EXPECT_EQ(std::count(out->data(), out->data() + bytes, std::byte{2}), bytes);
}

}  // namespace
}  // namespace trireme::test
