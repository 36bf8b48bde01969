// Streams, events and the timeline of a GPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/device/timeline.h"
#include "tests/runtime/cuda_device/subject.h"

namespace trireme::test {
namespace {

class CudaStreams : public testing::Test {
 protected:
  static constexpr std::int64_t bytes = 16 << 20;

  std::unique_ptr<Device> owned_ = make_subject();
  Device& device_ = *owned_;
  std::shared_ptr<Storage> pinned_ = device_.allocate_host(bytes);
  std::shared_ptr<Storage> target_ = device_.allocate(bytes, MemoryKind::workspace);

  // Enqueues some milliseconds of work on the compute stream.
  void keep_busy() {
    for (int round = 0; round < 20; ++round) device_.copy_from_host_later(target_->data(), pinned_->data(), bytes);
  }
};

TEST_F(CudaStreams, EventsAreReachedInOrder) {
  keep_busy();
  const Event first = device_.compute().record();
  keep_busy();
  const Event second = device_.compute().record();
  second.wait();
  EXPECT_TRUE(first.reached());
  EXPECT_TRUE(second.reached());
  EXPECT_TRUE(Event{}.reached());
}

TEST_F(CudaStreams, TheHostGoesOnWhileTheDeviceWorks) {
  const auto begin = std::chrono::steady_clock::now();
  keep_busy();
  const Event end = device_.compute().record();
  const auto enqueued = std::chrono::steady_clock::now() - begin;
  EXPECT_FALSE(end.reached());
  device_.compute().synchronize();
  EXPECT_LT(enqueued, std::chrono::steady_clock::now() - begin);
}

TEST_F(CudaStreams, BlockingWorkOfTheCommunicationStreamKeepsItsOrderAndNotTheCaller) {
  std::atomic<bool> gate{false};
  std::atomic<int> done{0};
  std::vector<int> order;
  Stream& stream = device_.communication();
  stream.run_blocking([&] {
    while (!gate) std::this_thread::yield();
    order.push_back(1);
    ++done;
  });
  stream.run([&] { order.push_back(2); });
  const Event after = stream.record();
  EXPECT_EQ(done, 0);
  EXPECT_FALSE(after.reached());
  gate = true;
  device_.compute().wait(after);
  device_.compute().synchronize();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(CudaStreams, AnErrorOfBlockingWorkReachesWhoWaits) {
  device_.communication().run_blocking([] { fail("test", "a wire is cut"); });
  EXPECT_THROW(device_.communication().synchronize(), Error);
}

// Released while the communication stream still writes to it: what gets the memory next must not be written over.
TEST_F(CudaStreams, MemoryThatTheOtherStreamUsesIsNotGivenAwayTooSoon) {
  const std::vector<std::byte> ones(bytes, std::byte{1}), twos(bytes, std::byte{2});
  auto lent = device_.allocate(bytes, MemoryKind::workspace);
  std::byte* const place = lent->data();
  device_.communication().wait(device_.compute().record());
  device_.communication().run_blocking(
      [&] { device_.copy_from_host_on(device_.communication(), place, ones.data(), bytes); });
  device_.communication().synchronize();
  lent.reset();
  const auto next = device_.allocate(bytes, MemoryKind::workspace);
  ASSERT_EQ(next->data(), place);
  device_.copy_from_host(next->data(), twos.data(), bytes);
  std::vector<std::byte> back(bytes);
  device_.copy_to_host(back.data(), next->data(), bytes);
  EXPECT_EQ(back, twos);
}

// A block that is handed out while the work of its last owner is still to be done.
TEST_F(CudaStreams, TheOtherStreamWaitsForThoseWhoHadTheMemoryBefore) {
  const std::vector<std::byte> ones(bytes, std::byte{1});
  auto before = device_.allocate(bytes, MemoryKind::workspace);
  std::byte* const place = before->data();
  keep_busy();
  device_.copy_from_host_later(place, pinned_->data(), bytes);
  before.reset();
  const auto next = device_.allocate(bytes, MemoryKind::workspace);
  ASSERT_EQ(next->data(), place);
  device_.communication().run_blocking(
      [&] { device_.copy_from_host_on(device_.communication(), place, ones.data(), bytes); });
  device_.communication().synchronize();
  std::vector<std::byte> back(bytes);
  device_.copy_to_host(back.data(), place, bytes);
  EXPECT_EQ(back, ones);
}

TEST_F(CudaStreams, PinnedPagesAreCopiedToAndFrom) {
  std::vector<std::byte> window(bytes + 100, std::byte{5});
  const auto pinned = device_.pin(window.data() + 50, bytes);
  device_.copy_from_host(target_->data(), window.data() + 50, bytes);
  std::fill(window.begin(), window.end(), std::byte{0});
  device_.copy_to_host(window.data() + 50, target_->data(), bytes);
  EXPECT_EQ(window[49], std::byte{0});
  EXPECT_EQ(std::count(window.begin() + 50, window.begin() + 50 + bytes, std::byte{5}), bytes);
}

TEST_F(CudaStreams, TheTimelineTakesTheDevicesTime) {
  const auto timeline = device_.make_timeline();
  timeline->begin(device_.compute(), "outer", "forward");
  timeline->begin(device_.compute(), "inner", "forward");
  EXPECT_EQ(timeline->open(), "inner");
  keep_busy();
  timeline->end(device_.compute());
  timeline->end(device_.compute());
  EXPECT_EQ(timeline->open(), "");
  const std::vector<Span> spans = timeline->take();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].name, "outer");
  EXPECT_EQ(spans[1].name, "inner");
  EXPECT_EQ(spans[1].lane, "compute");
  EXPECT_GT(spans[1].end_us - spans[1].begin_us, 100.0);
  EXPECT_LE(spans[0].begin_us, spans[1].begin_us);
  EXPECT_GE(spans[0].end_us, spans[1].end_us);
  EXPECT_TRUE(timeline->take().empty());
}

}  // namespace
}  // namespace trireme::test
