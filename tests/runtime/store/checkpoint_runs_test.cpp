// Slices that are blocks of a matrix's columns.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "runtime/store/checkpoint.h"
#include "tests/support/scratch_folder.h"

namespace trireme::store {
namespace {

using test::message_of;
using test::ScratchFolder;

constexpr std::int64_t rows = 6, columns = 10;

std::vector<float> whole() {
  std::vector<float> values(rows * columns);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

// Columns [left, right) of rows [top, bottom).
struct Block {
  std::int64_t top = 0, bottom = rows, left = 0, right = columns;
};

void save(const std::string& path, const std::vector<Block>& blocks) {
  const std::vector<float> all = whole();
  CheckpointOptions options{.path = path, .step = 3, .tag = {}, .piece_bytes = 24, .fault = {}};
  CheckpointWriter writer(options);
  std::vector<std::vector<float>> kept(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    const std::int64_t width = block.right - block.left;
    for (std::int64_t row = block.top; row < block.bottom; ++row)
      for (std::int64_t column = block.left; column < block.right; ++column)
        kept[i].push_back(all[static_cast<std::size_t>(row * columns + column)]);
    writer.add({.name = "w",
                .shape = {rows, columns},
                .begin = block.top * columns + block.left,
                .count = width * (block.bottom - block.top),
                .run = width < columns ? width : 0,
                .stride = width < columns ? columns : 0},
               kept[i].data());
  }
  const std::string part = writer.finish_part();
  writer.publish(std::span(&part, 1), {});
}

TEST(CheckpointRuns, BlocksOfColumnsReadBackInAnyRanges) {
  const ScratchFolder folder;
  const std::vector<float> want = whole();
  save(folder / "c", {{.right = 3},
                      {.bottom = 4, .left = 3, .right = 7},
                      {.top = 4, .left = 3, .right = 7},
                      {.bottom = 1, .left = 7},
                      {.top = 1, .left = 7}});
  const CheckpointReader reader(folder / "c");
  reader.verify();
  for (std::int64_t begin = 0; begin <= rows * columns; begin += 7)
    for (std::int64_t count = 0; begin + count <= rows * columns; ++count) {
      std::vector<float> got(static_cast<std::size_t>(count) + 1, -1.0f);
      reader.read("w", begin, count, got.data());
      EXPECT_TRUE(std::equal(got.begin(), got.end() - 1, want.begin() + begin)) << begin << '+' << count;
      EXPECT_EQ(got.back(), -1.0f);
    }
  std::vector<ElementRange> ranges;  // other columns than were saved together
  std::vector<float> expected, got(static_cast<std::size_t>(rows) * 4);
  for (std::int64_t row = 0; row < rows; ++row) {
    ranges.push_back({row * columns + 2, 4});
    expected.insert(expected.end(), want.begin() + ranges.back().begin, want.begin() + ranges.back().begin + 4);
  }
  reader.read("w", ranges, got.data());
  EXPECT_EQ(got, expected);
  std::swap(ranges[0], ranges[1]);
  EXPECT_THROW(reader.read("w", ranges, got.data()), Error);
}

TEST(CheckpointRuns, MayLieBesideWholeRows) {
  const ScratchFolder folder;
  save(folder / "c", {{.bottom = 2}, {.top = 2, .right = 9}, {.top = 2, .left = 9}});
  std::vector<float> got(rows * columns);
  CheckpointReader(folder / "c").read("w", 0, rows * columns, got.data());
  EXPECT_EQ(got, whole());
}

TEST(CheckpointRuns, GapsAndOverlapsAreRefused) {
  const ScratchFolder folder;
  const auto refusal = [&](const std::vector<Block>& blocks) {
    return message_of<Error>([&] { save(folder / "c", blocks); });
  };
  EXPECT_NE(refusal({{.right = 4}, {.left = 5}}).find("has 60 elements, found only 54"), std::string::npos);
  EXPECT_NE(refusal({{.right = 5}, {.left = 4}}).find("some in two pieces"), std::string::npos);
  EXPECT_NE(refusal({{.right = 5}, {.bottom = 5, .left = 5}}).find("found only 55"), std::string::npos);
  EXPECT_NE(refusal({{.right = 5}, {.left = 5}, {.top = 5}}).find("some in two pieces"), std::string::npos);
  // As many elements as there are, but not those.
  EXPECT_NE(
      refusal({{.right = 5}, {.bottom = 3, .left = 5}, {.top = 3, .left = 4, .right = 9}}).find("some in two pieces"),
      std::string::npos);
}

TEST(CheckpointRuns, OutsideTheTensorAreRefused) {
  const ScratchFolder folder;
  CheckpointWriter writer({.path = folder / "c", .tag = {}, .fault = {}});
  const float value = 0.0f;
  const auto refusal = [&](Slice slice) { return message_of<Error>([&] { writer.add(std::move(slice), &value); }); };
  EXPECT_NE(refusal({.name = "w", .shape = {2, 4}, .begin = 3, .count = 4, .run = 2, .stride = 4}).find("in runs of 2"),
            std::string::npos);
  EXPECT_NE(refusal({.name = "w", .shape = {2, 4}, .count = 3, .run = 2, .stride = 4}), "no error");
  EXPECT_NE(refusal({.name = "w", .shape = {2, 4}, .count = 4, .run = 2, .stride = 1}), "no error");
}

}  // namespace
}  // namespace trireme::store
