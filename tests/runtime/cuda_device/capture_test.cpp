// Work that is captured once and done again.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "runtime/base/error.h"
#include "tests/runtime/cuda_device/subject.h"

namespace trireme::test {
namespace {

class CudaCapture : public testing::Test {
 protected:
  static constexpr std::int64_t bytes = 1 << 20;

  void fill(Storage& storage, int value) { std::fill_n(storage.data(), bytes, static_cast<std::byte>(value)); }
  bool holds(const Storage& storage, int value) {
    return std::all_of(storage.data(), storage.data() + bytes,
                       [&](std::byte b) { return b == static_cast<std::byte>(value); });
  }

  std::unique_ptr<Device> owned_ = make_subject();
  Device& device_ = *owned_;
  std::shared_ptr<Storage> in_ = device_.allocate_host(bytes), out_ = device_.allocate_host(bytes);
  // From in_ through memory of its own to out_.
  void pass() {
    const auto between = device_.allocate(bytes, MemoryKind::activations);
    device_.copy_from_host_later(between->data(), in_->data(), bytes);
    device_.copy_to_host_later(out_->data(), between->data(), bytes);
  }
};

TEST_F(CudaCapture, IsNotDoneBeforeItIsLaunchedAndThenEachTimeWithWhatIsThere) {
  ASSERT_TRUE(device_.can_capture());
  pass();
  device_.compute().synchronize();
  fill(*in_, 1);
  const auto replay = device_.capture([&] { pass(); });
  device_.compute().synchronize();
  EXPECT_TRUE(holds(*out_, 0));
  for (const int value : {1, 2, 3}) {
    fill(*in_, value);
    replay->launch();
    device_.compute().synchronize();
    EXPECT_TRUE(holds(*out_, value));
  }
}

// What the work allocated and released is not given to anybody else, or a launch would write over it.
TEST_F(CudaCapture, KeepsTheMemoryOfItsWork) {
  pass();
  std::byte* place = nullptr;
  const auto work = [&] {
    const auto between = device_.allocate(bytes, MemoryKind::activations);
    place = between->data();
    device_.copy_from_host_later(place, in_->data(), bytes);
  };
  work();
  auto replay = device_.capture(work);
  std::vector<std::shared_ptr<Storage>> others;
  for (int i = 0; i < 50; ++i) {
    others.push_back(device_.allocate(bytes, MemoryKind::activations));
    EXPECT_NE(others.back()->data(), place);
  }
  others.clear();
  replay.reset();
  bool found = false;
  for (int i = 0; i < 200 && !found; ++i) {
    others.push_back(device_.allocate(bytes, MemoryKind::activations));
    found = others.back()->data() == place;
  }
  EXPECT_TRUE(found);
}

TEST_F(CudaCapture, MayNeedMoreMemoryThanThereWas) {
  const auto replay = device_.capture([&] {
    const auto large = device_.allocate(100 << 20, MemoryKind::activations);
    device_.copy_from_host_later(large->data(), in_->data(), bytes);
    device_.copy_to_host_later(out_->data(), large->data(), bytes);
  });
  fill(*in_, 6);
  replay->launch();
  device_.compute().synchronize();
  EXPECT_TRUE(holds(*out_, 6));
}

TEST_F(CudaCapture, CountsItsMemoryAtEveryLaunch) {
  const auto kept = device_.allocate(1000, MemoryKind::weights);
  pass();
  const MemoryReport before = device_.memory();
  const auto replay = device_.capture([&] { pass(); });
  EXPECT_EQ(device_.memory().peak, before.peak);
  device_.reset_peak();
  EXPECT_LT(device_.memory().peak, before.peak);
  replay->launch();
  EXPECT_EQ(device_.memory().peak, before.peak);
  EXPECT_EQ(device_.memory().at_peak_by_kind, before.at_peak_by_kind);
}

TEST_F(CudaCapture, TakesInTheCommunicationStream) {
  const auto memory = device_.allocate(bytes, MemoryKind::gradients);
  const auto work = [&] {
    device_.copy_from_host_later(memory->data(), in_->data(), bytes);
    device_.communication().wait(device_.compute().record());
    device_.compute().wait(device_.communication().record());
    device_.copy_to_host_later(out_->data(), memory->data(), bytes);
  };
  work();
  device_.compute().synchronize();
  const auto replay = device_.capture(work);
  fill(*in_, 4);
  replay->launch();
  device_.compute().synchronize();
  EXPECT_TRUE(holds(*out_, 4));
  // What joined and was not waited for is waited for at the end.
  EXPECT_NO_THROW(device_.capture([&] { device_.communication().wait(device_.compute().record()); }));
}

TEST_F(CudaCapture, WorkThatWaitsOrThrowsLeavesTheDeviceAsItWas) {
  std::vector<std::byte> host(16);
  const auto memory = device_.allocate(16, MemoryKind::workspace);
  EXPECT_THROW(device_.capture([&] { device_.copy_to_host(host.data(), memory->data(), 16); }), Error);
  EXPECT_THROW(device_.capture([&] { device_.copy_from_host(memory->data(), host.data(), 16); }), Error);
  EXPECT_THROW(device_.capture([&] { device_.compute().synchronize(); }), Error);
  EXPECT_THROW(device_.capture([&] { device_.capture([] {}); }), Error);
  EXPECT_THROW(device_.capture([&] { fail("test", "stop"); }), Error);
  fill(*in_, 9);
  pass();
  device_.compute().synchronize();
  EXPECT_TRUE(holds(*out_, 9));
  fill(*in_, 8);
  device_.capture([&] { pass(); })->launch();
  device_.compute().synchronize();
  EXPECT_TRUE(holds(*out_, 8));
}

}  // namespace
}  // namespace trireme::test
