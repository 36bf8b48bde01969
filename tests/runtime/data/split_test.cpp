#include "runtime/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

using Numbers = std::vector<std::int64_t>;

Numbers counting(std::int64_t begin, std::int64_t end) {
  Numbers numbers(static_cast<std::size_t>(end - begin));
  std::iota(numbers.begin(), numbers.end(), begin);
  return numbers;
}

Numbers joined(const Parts& parts) {
  Numbers all = parts.training;
  all.insert(all.end(), parts.validation.begin(), parts.validation.end());
  all.insert(all.end(), parts.test.begin(), parts.test.end());
  std::sort(all.begin(), all.end());
  return all;
}

TEST(Split, PartsAreDisjointAndComplete) {
  const Parts parts = split(103, {}, {.validation = 0.2, .test = 0.1, .seed = 4});
  EXPECT_EQ(joined(parts), counting(0, 103));
  EXPECT_EQ(parts.validation.size(), 21u);
  EXPECT_EQ(parts.test.size(), 10u);
  EXPECT_EQ(split(103, {}, {.validation = 0.2, .test = 0.1, .seed = 4}).validation, parts.validation);
  EXPECT_NE(split(103, {}, {.validation = 0.2, .test = 0.1, .seed = 5}).validation, parts.validation);
  EXPECT_EQ(split(103, {}, {.validation = 0.3, .test = 0.1, .seed = 4}).test, parts.test)
      << "the test part is what it was, whatever is done with the rest";
}

TEST(Split, InTimeTheLastComeLast) {
  const Parts parts = split(10000, {}, {.validation = 0.1, .order = SplitOrder::in_time});
  EXPECT_EQ(parts.training, counting(0, 9000));
  EXPECT_EQ(parts.validation, counting(9000, 10000));
  const Parts tested = split(10, {}, {.validation = 0.2, .test = 0.3, .order = SplitOrder::in_time});
  EXPECT_EQ(tested.training, counting(0, 5));
  EXPECT_EQ(tested.validation, counting(5, 7));
  EXPECT_EQ(tested.test, counting(7, 10));
}

TEST(Split, StratifiedPartsHaveTheSharesOfTheWhole) {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 200; ++i) labels.push_back(i % 20 == 0 ? 2 : i % 4 == 0 ? 1 : 0);  // 150, 40, 10
  const Parts parts = split(200, labels, {.validation = 0.2, .test = 0.1, .stratified = true, .seed = 3});
  EXPECT_EQ(joined(parts), counting(0, 200));
  for (const auto& [part, share] : {std::pair{parts.validation, 0.2}, std::pair{parts.test, 0.1}})
    for (const auto& [label, count] : {std::pair{0, 150}, std::pair{1, 40}, std::pair{2, 10}})
      EXPECT_EQ(
          std::count_if(part.begin(), part.end(),
                        [&, wanted = label](std::int64_t i) { return labels[static_cast<std::size_t>(i)] == wanted; }),
          std::lround(share * count))
          << "class " << label;
}

TEST(Split, EachFoldValidatesOnOtherSamples) {
  for (const bool stratified : {false, true}) {
    const std::vector<std::int32_t> labels{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
    Numbers all, tested;
    for (std::int64_t fold = 0; fold < 4; ++fold) {
      const Parts parts =
          split(21, labels, {.test = 0.2, .stratified = stratified, .folds = 4, .fold = fold, .seed = 8});
      EXPECT_EQ(joined(parts), counting(0, 21));
      all.insert(all.end(), parts.validation.begin(), parts.validation.end());
      if (fold > 0) {
        EXPECT_EQ(parts.test, tested);
      }
      tested = parts.test;
    }
    all.insert(all.end(), tested.begin(), tested.end());
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, counting(0, 21)) << "every sample is once in a validation part, or in the test part";
  }
}

TEST(Split, FoldsInTimeNeverLookAhead) {
  for (std::int64_t fold = 0; fold < 4; ++fold) {
    const Parts parts = split(50, {}, {.order = SplitOrder::in_time, .folds = 4, .fold = fold});
    EXPECT_EQ(parts.training, counting(0, 10 * (fold + 1)));
    EXPECT_EQ(parts.validation, counting(10 * (fold + 1), 10 * (fold + 2)));
  }
}

TEST(Split, RefusesWhatCannotBe) {
  EXPECT_THROW(split(0, {}, {}), Error);
  EXPECT_THROW(split(10, {}, {.validation = 0.5, .test = 0.5}), Error);
  EXPECT_THROW(split(10, {}, {.validation = -0.1}), Error);
  EXPECT_THROW(split(10, {}, {.folds = 1}), Error);
  EXPECT_THROW(split(10, {}, {.folds = 3, .fold = 3}), Error);
  EXPECT_THROW(split(10, {}, {.validation = 0.01}), Error) << "an empty part";
  EXPECT_THROW(split(10, {}, {.validation = 0.96}), Error) << "nothing to train on";
  EXPECT_THROW(split(10, {}, {.validation = 0.2, .stratified = true}), Error) << "no labels";
  const std::vector<std::int32_t> labels(10, 0);
  EXPECT_THROW(split(10, labels, {.validation = 0.2, .order = SplitOrder::in_time, .stratified = true}), Error);
}

}  // namespace
}  // namespace trireme::data
