#include "runtime/data/selection.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/runtime/data/numbers.h"

namespace trireme::data {
namespace {

struct Pair {
  std::int64_t epoch = -1, sample = -1;
  auto operator<=>(const Pair&) const = default;
};

Pair pair_of(const Source& source, std::int64_t epoch, std::int64_t sample) {
  Pair pair;
  std::byte* row = reinterpret_cast<std::byte*>(&pair);
  source.read(epoch, sample, {&row, 1});
  return pair;
}

TEST(Selection, IsTheChosenSamples) {
  const Selection chosen(std::make_shared<Numbers>(10), {7, 0, 7});
  EXPECT_EQ(chosen.samples(), 3);
  EXPECT_EQ(pair_of(chosen, 4, 0), (Pair{4, 7}));
  EXPECT_EQ(pair_of(chosen, 4, 1), (Pair{4, 0}));
  EXPECT_THROW(Selection(std::make_shared<Numbers>(10), {10}), Error);
  EXPECT_THROW(Selection(std::make_shared<Numbers>(10), {}), Error);
}

TEST(Balanced, EveryClassIsSeenEquallyOften) {
  // Samples 10 to 19: eight of class 0, two of class 5.
  const std::vector<std::int64_t> chosen{10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  const std::vector<std::int32_t> labels{0, 5, 0, 0, 0, 5, 0, 0, 0, 0};
  const Balanced balanced(std::make_shared<Numbers>(20), chosen, labels, 3);
  ASSERT_EQ(balanced.samples(), 10);
  std::map<std::int64_t, std::int64_t> seen;
  std::set<Pair> pairs;
  for (std::int64_t epoch = 0; epoch < 8; ++epoch)
    for (std::int64_t i = 0; i < 10; ++i) {
      const Pair pair = pair_of(balanced, epoch, i);
      ++seen[pair.sample];
      pairs.insert(pair);
    }
  EXPECT_EQ(pairs.size(), 80u) << "a sample that is seen again is of another epoch";
  EXPECT_EQ(seen[11] + seen[15], 40);
  EXPECT_EQ(seen[11], 20);
  EXPECT_EQ(seen[10], 5);
  EXPECT_EQ(seen.size(), 10u);
}

TEST(Balanced, WeightsMakeUpForNumbers) {
  EXPECT_EQ(balanced_weights({0, 0, 0, 1}, 2), (std::vector<float>{4.0f / 6.0f, 2.0f}));
  EXPECT_THROW(balanced_weights({0, 0}, 2), Error) << "class 1 is absent";
  EXPECT_THROW(balanced_weights({2}, 2), Error);
}

}  // namespace
}  // namespace trireme::data
