#include "runtime/device/block_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "runtime/base/error.h"

namespace trireme::test {
namespace {

constexpr std::int64_t mib = 1 << 20;

// Addresses without memory, up to a limit, each segment far from the others.
class FakeSegments : public SegmentSource {
 public:
  explicit FakeSegments(std::int64_t limit = std::int64_t{1} << 40) : limit_(limit) {}

  std::byte* take(std::int64_t bytes) override {
    ++calls;
    if (held + bytes > limit_) return nullptr;
    next_ += std::int64_t{1} << 36;
    auto* segment = reinterpret_cast<std::byte*>(next_);
    segments[segment] = bytes;
    held += bytes;
    return segment;
  }
  void give_back(std::byte* segment, std::int64_t bytes) noexcept override {
    EXPECT_EQ(segments.at(segment), bytes);
    segments.erase(segment);
    held -= bytes;
  }
  // Whether [block, block + bytes) lies in one segment.
  bool contains(const std::byte* block, std::int64_t bytes) const {
    for (const auto& [segment, size] : segments)
      if (block >= segment && block + bytes <= segment + size) return true;
    return false;
  }

  std::map<std::byte*, std::int64_t> segments;
  std::int64_t held = 0;
  int calls = 0;

 private:
  std::int64_t limit_;
  std::intptr_t next_ = 0;
};

TEST(BlockPool, GivesDifferentAlignedBlocksWithinSegments) {
  FakeSegments segments;
  BlockPool pool(segments);
  std::map<std::byte*, std::int64_t> blocks;
  for (const std::int64_t bytes :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{512}, std::int64_t{513}, 3 * mib, 100 * mib}) {
    std::byte* block = pool.take(bytes);
    EXPECT_EQ(reinterpret_cast<std::intptr_t>(block) % BlockPool::granule, 0);
    EXPECT_TRUE(segments.contains(block, bytes));
    blocks[block] = bytes;
  }
  for (auto block = blocks.begin(); std::next(block) != blocks.end(); ++block)
    EXPECT_LE(block->first + block->second, std::next(block)->first);
}

TEST(BlockPool, ARepeatedStepFindsTheSameBlocksAndAsksForNoSegment) {
  FakeSegments segments;
  BlockPool pool(segments);
  const auto step = [&] {
    std::vector<std::byte*> all, open;
    for (std::int64_t layer = 1; layer <= 12; ++layer) {
      all.push_back(pool.take(layer * 700'001));
      all.push_back(pool.take(layer * 300));
      open.push_back(all[all.size() - 2]);
      pool.give_back(all.back());
    }
    for (auto block = open.rbegin(); block != open.rend(); ++block) pool.give_back(*block);
    return all;
  };
  const auto first = step();
  const int calls = segments.calls;
  EXPECT_EQ(pool.used(), 0);
  for (int repeat = 0; repeat < 3; ++repeat) EXPECT_EQ(step(), first);
  EXPECT_EQ(segments.calls, calls);
}

TEST(BlockPool, NeighboursMergeInAnyOrder) {
  for (const std::vector<int>& order : {std::vector{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    FakeSegments segments;
    BlockPool pool(segments);
    std::vector<std::byte*> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(pool.take(10 * mib));
    EXPECT_EQ(segments.segments.size(), 1U);
    for (const int i : order) pool.give_back(parts[static_cast<std::size_t>(i)]);
    EXPECT_EQ(pool.take(32 * mib), parts[0]);
    EXPECT_EQ(segments.segments.size(), 1U);
  }
}

TEST(BlockPool, TakesTheSmallestThatFits) {
  FakeSegments segments;
  BlockPool pool(segments);
  std::byte* large = pool.take(8 * mib);
  std::byte* wall = pool.take(2 * mib);
  std::byte* small = pool.take(4 * mib);
  std::byte* end = pool.take(18 * mib);  // the rest of the segment
  pool.give_back(large);
  pool.give_back(small);
  EXPECT_EQ(pool.take(3 * mib), small);
  EXPECT_EQ(pool.take(5 * mib), large);
  pool.give_back(wall);
  pool.give_back(end);
}

TEST(BlockPool, SmallBlocksDoNotSplitTheRoomOfLargeOnes) {
  FakeSegments segments;
  BlockPool pool(segments);
  std::byte* large = pool.take(32 * mib);
  pool.give_back(large);
  std::byte* stays = pool.take(512);
  EXPECT_EQ(pool.take(32 * mib), large);
  pool.give_back(stays);
}

TEST(BlockPool, AShortSourceGetsBackWhatIsUnusedFirst) {
  FakeSegments segments(100 * mib);
  BlockPool pool(segments);
  std::byte* first = pool.take(40 * mib);
  std::byte* second = pool.take(40 * mib);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(pool.take(50 * mib), nullptr);
  EXPECT_EQ(pool.used(), 80 * mib);
  pool.give_back(first);
  std::byte* third = pool.take(60 * mib);  // 40 went back, 20 were left
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(segments.held, 100 * mib);
  EXPECT_EQ(pool.held(), 100 * mib);
}

TEST(BlockPool, TrimGivesBackWholeSegmentsOnly) {
  FakeSegments segments;
  BlockPool pool(segments);
  std::byte* first = pool.take(32 * mib);
  std::byte* second = pool.take(16 * mib);
  std::byte* third = pool.take(8 * mib);  // beside the second
  pool.give_back(first);
  pool.give_back(second);
  EXPECT_EQ(pool.trim(), 32 * mib);
  EXPECT_EQ(pool.held(), segments.held);
  pool.give_back(third);
  EXPECT_EQ(pool.trim(), 32 * mib);
  EXPECT_EQ(segments.held, 0);
}

TEST(BlockPool, EverySegmentGoesBackAtTheEnd) {
  FakeSegments segments;
  {
    BlockPool pool(segments);
    pool.give_back(pool.take(5 * mib));
    pool.take(7 * mib);
    pool.take(100);
  }
  EXPECT_EQ(segments.held, 0);
}

TEST(BlockPool, FindsTheBlockAroundAnAddress) {
  FakeSegments segments;
  BlockPool pool(segments);
  std::byte* block = pool.take(1000);
  EXPECT_EQ(pool.block_of(block), block);
  EXPECT_EQ(pool.block_of(block + 999), block);
  EXPECT_EQ(pool.block_of(block + 1024), nullptr);
  EXPECT_EQ(pool.block_of(nullptr), nullptr);
  pool.give_back(block);
  EXPECT_EQ(pool.block_of(block), nullptr);
}

// What the recorded work used is nobody else's, whether it was given back before the end of the recording or after.
TEST(BlockPool, AReserveIsLeftAlone) {
  FakeSegments segments;
  BlockPool pool(segments);
  pool.give_back(pool.take(30 * mib));  // the step before
  pool.begin_reserve();
  std::byte* passing = pool.take(10 * mib);
  std::byte* staying = pool.take(5 * mib);
  pool.give_back(passing);
  const std::int64_t reserve = pool.end_reserve();
  EXPECT_GE(pool.reserved(), 10 * mib);
  EXPECT_NE(pool.take(10 * mib), passing);
  pool.give_back(staying);
  EXPECT_NE(pool.take(5 * mib), staying);
  EXPECT_EQ(pool.trim(), 0);
  pool.release_reserve(reserve);
  EXPECT_EQ(pool.reserved(), 0);
  EXPECT_EQ(pool.take(15 * mib), passing);
}

TEST(BlockPool, ABlockInUseWhenItsReserveEndsIsAnyBlockAgain) {
  FakeSegments segments;
  BlockPool pool(segments);
  pool.begin_reserve();
  std::byte* block = pool.take(32 * mib);
  pool.release_reserve(pool.end_reserve());
  EXPECT_EQ(pool.used(), 32 * mib);
  pool.give_back(block);
  EXPECT_EQ(pool.take(32 * mib), block);
}

TEST(BlockPool, RecordedWorkReusesItsOwnBlocks) {
  FakeSegments segments;
  BlockPool pool(segments);
  pool.begin_reserve();
  std::byte* first = pool.take(10 * mib);
  pool.give_back(first);
  EXPECT_EQ(pool.take(10 * mib), first);
  pool.give_back(first);
  pool.end_reserve();
}

TEST(BlockPool, WhileRecordingNothingGoesBackToTheSource) {
  FakeSegments segments(64 * mib);
  BlockPool pool(segments);
  pool.give_back(pool.take(40 * mib));
  pool.begin_reserve();
  EXPECT_EQ(pool.take(50 * mib), nullptr);
  EXPECT_EQ(segments.held, 40 * mib);
  pool.end_reserve();
  EXPECT_NE(pool.take(50 * mib), nullptr);
}

TEST(BlockPool, RecordingsDoNotNest) {
  FakeSegments segments;
  BlockPool pool(segments);
  EXPECT_THROW(pool.end_reserve(), Error);
  pool.begin_reserve();
  EXPECT_THROW(pool.begin_reserve(), Error);
  pool.end_reserve();
}

// Against a plain account of what is in use: no two blocks overlap, and in the end all is one piece again.
TEST(BlockPool, AnyOrderOfRequestsKeepsTheBooks) {
  FakeSegments segments;
  BlockPool pool(segments);
  std::mt19937 random(7);
  std::map<std::byte*, std::int64_t> used;
  std::vector<std::int64_t> reserves;
  for (int round = 0; round < 4000; ++round) {
    if (round % 500 == 100) pool.begin_reserve();
    if (round % 500 == 150) reserves.push_back(pool.end_reserve());
    if (round % 500 == 400) pool.release_reserve(reserves.back());
    if (used.empty() || random() % 5 < 3) {
      const std::int64_t bytes = static_cast<std::int64_t>(random() % 4 == 0 ? random() % (20 * mib) : random() % 5000);
      std::byte* block = pool.take(bytes);
      ASSERT_TRUE(segments.contains(block, bytes));
      const auto next = used.lower_bound(block);
      ASSERT_TRUE(next == used.end() || block + bytes <= next->first);
      ASSERT_TRUE(next == used.begin() || std::prev(next)->first + std::prev(next)->second <= block);
      used[block] = bytes;
    } else {
      const auto victim = std::next(used.begin(), static_cast<std::ptrdiff_t>(random() % used.size()));
      pool.give_back(victim->first);
      used.erase(victim);
    }
    ASSERT_EQ(pool.held(), segments.held);
  }
  for (const auto& [block, bytes] : used) pool.give_back(block);
  EXPECT_EQ(pool.used(), 0);
  EXPECT_EQ(pool.reserved(), 0);
  pool.trim();
  EXPECT_EQ(segments.held, 0);
}

}  // namespace
}  // namespace trireme::test
