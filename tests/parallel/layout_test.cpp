#include "parallel/mesh/layout.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::parallel {
namespace {

using Sizes = std::vector<AxisSize>;

std::string refusal(int ranks, const Sizes& asked, const std::vector<AxisRule>& rules = {}) {
  return test::message_of<Error>([&] { make_layout(ranks, asked, rules); });
}

void expect_words(const std::string& message, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << word << " in: " << message;
}

TEST(Layout, NumbersRanksFromTheInnermostAxis) {
  const Layout layout({{"pipeline", 2}, {"data", 3}, {"tensor", 4}});
  EXPECT_EQ(layout.ranks(), 24);
  EXPECT_EQ(layout.text(), "pipeline 2 x data 3 x tensor 4");
  EXPECT_EQ(layout.stride("tensor"), 1);
  EXPECT_EQ(layout.stride("data"), 4);
  EXPECT_EQ(layout.stride("pipeline"), 12);
  const int rank = 1 * 12 + 2 * 4 + 3;
  EXPECT_EQ(layout.index("pipeline", rank), 1);
  EXPECT_EQ(layout.index("data", rank), 2);
  EXPECT_EQ(layout.index("tensor", rank), 3);
  EXPECT_THROW(layout.size("expert"), Error);
}

TEST(Layout, OneAxisTakesWhatTheOthersLeave) {
  EXPECT_EQ(make_layout(24, {{"pipeline", 2}, {"data", 0}, {"tensor", 4}}).text(), "pipeline 2 x data 3 x tensor 4");
  EXPECT_EQ(make_layout(1, {{"pipeline", 1}, {"data", 0}, {"tensor", 1}}).ranks(), 1);
}

TEST(Layout, RefusesProductsThatAreNotTheRanks) {
  expect_words(refusal(8, {{"pipeline", 2}, {"data", 3}, {"tensor", 2}}),
               {"8", "pipeline 2 x data 3 x tensor 2 = 12", "start 12 ranks", "pipeline 2 x data 2 x tensor 2"});
  expect_words(refusal(8, {{"pipeline", 1}, {"data", 0}, {"tensor", 3}}),
               {"pipeline 1 x tensor 3 = 3", "8 = 2 x 3 + 2", "start 9 ranks", "pipeline 1 x data 4 x tensor 2"});
}

TEST(Layout, RefusesSizesThatAreNone) {
  expect_words(refusal(4, {{"data", -1}, {"tensor", 2}}), {"zero or more", "data -1"});
  expect_words(refusal(4, {{"data", 0}, {"tensor", 0}}), {"at most one axis of size 0"});
  expect_words(refusal(0, {{"data", 1}}), {"expected 1 to 16777216 ranks, found 0"});
  expect_words(refusal(2147483647, {{"data", 0}, {"pipeline", 2}}), {"expected 1 to 16777216 ranks"});
  expect_words(test::message_of<Error>([] { Layout({{"data", 2}, {"data", 2}}); }), {"every axis once"});
  expect_words(refusal(4, {{"data", 1 << 20}, {"tensor", 1 << 20}}), {"at most 16777216"});
}

const std::vector<AxisRule> four_heads_four_layers{
    {.axis = "tensor", .kind = AxisRule::Kind::divides, .number = 4, .what = "attention heads"},
    {.axis = "pipeline", .kind = AxisRule::Kind::at_most, .number = 4, .what = "layers"},
    {.axis = "context", .kind = AxisRule::Kind::divides, .number = 7, .what = "an axis that this mesh does not have"}};

TEST(Layout, RefusesWhatTheModelCannotShareOut) {
  expect_words(refusal(3, {{"pipeline", 1}, {"data", 1}, {"tensor", 3}}, four_heads_four_layers),
               {"[parallel.tensor]", "divides the 4 attention heads", "found 3", "4 = 1 x 3 + 1",
                "pipeline 1 x data 3 x tensor 1"});
  expect_words(refusal(5, {{"pipeline", 5}, {"data", 1}, {"tensor", 1}}, four_heads_four_layers),
               {"[parallel.pipeline]", "at most the 4 layers", "found 5", "pipeline 1 x data 5 x tensor 1"});
}

TEST(Layout, AdvisesOnlyNumbersOfRanksThatWork) {
  const std::string never = refusal(8, {{"pipeline", 1}, {"data", 0}, {"tensor", 3}}, four_heads_four_layers);
  EXPECT_EQ(never.find("start"), std::string::npos) << never;
  const std::string product = refusal(8, {{"pipeline", 5}, {"data", 1}, {"tensor", 2}}, four_heads_four_layers);
  EXPECT_EQ(product.find("start"), std::string::npos) << product;
  const std::vector<AxisRule> samples{
      {.axis = "data", .kind = AxisRule::Kind::divides, .number = 12, .what = "samples"},
      {.axis = "data", .kind = AxisRule::Kind::multiple, .number = 3, .what = "ranks of a group"},
      {.axis = "tensor", .kind = AxisRule::Kind::at_least, .number = 2, .what = "ranks"}};
  expect_words(refusal(9, {{"data", 0}, {"tensor", 2}}, samples), {"start 12 ranks, or"});
  expect_words(
      refusal(4, {{"data", 2}, {"tensor", 2}}, samples),
      {"[parallel.data]", "a multiple of the 3 ranks of a group; found 2, and 2 = 0 x 3 + 2", "no layout of 4"});
  expect_words(refusal(3, {{"data", 3}, {"tensor", 1}}, samples), {"[parallel.tensor]", "at least 2 ranks; found 1"});
}

TEST(Layout, SuggestsTheNearestFirstAndOnlyWhatWorks) {
  const std::vector<Layout> near =
      nearest_layouts(8, {{"pipeline", 1}, {"data", 1}, {"tensor", 8}}, four_heads_four_layers, 3);
  ASSERT_EQ(near.size(), 3u);
  EXPECT_EQ(near[0].text(), "pipeline 1 x data 2 x tensor 4");
  for (const Layout& layout : near) {
    EXPECT_EQ(layout.ranks(), 8);
    EXPECT_EQ(4 % layout.size("tensor"), 0);
    EXPECT_LE(layout.size("pipeline"), 4);
  }
  const std::vector<AxisRule> nothing{
      {.axis = "data", .kind = AxisRule::Kind::divides, .number = 1, .what = "samples"},
      {.axis = "tensor", .kind = AxisRule::Kind::divides, .number = 1, .what = "heads"}};
  expect_words(refusal(2, {{"data", 2}, {"tensor", 1}}, nothing), {"no layout of 2 ranks fits"});
}

TEST(Layout, TellsADryGroupItsPlaceOnEveryAxis) {
  const Layout layout({{"pipeline", 2}, {"data", 3}, {"tensor", 4}});
  const auto splits = dry_splits(layout, 23);
  ASSERT_EQ(splits.size(), 6u);
  EXPECT_EQ(splits[0].name, "pipeline");
  EXPECT_EQ(splits[0].rank, 1);
  EXPECT_EQ(splits[0].size, 2);
  EXPECT_EQ(splits[5].name, "tensor (overlapped)");
  EXPECT_EQ(splits[5].rank, 3);
  EXPECT_EQ(splits[5].size, 4);
}

}  // namespace
}  // namespace trireme::parallel
