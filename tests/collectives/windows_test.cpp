// Memory of one group in the operations of another.
#include <gtest/gtest.h>

#include <vector>

#include "collectives/group/group.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

// A grid of two by two: memory of the rows, which have no rank in common, is reduced over the columns.
TEST(Windows, OfOneGroupAreReducedByAnotherThatCrossesIt) {
  run_ranks(4, GroupOptions{.deadline = 30.0, .pretend_processes = true}, [](Group& world, Device& device) {
    const int row = world.rank() / 2, column = world.rank() % 2;
    const auto along_row = world.split(row, world.rank(), "row");
    const auto along_column = world.split(column, world.rank(), "column");
    constexpr std::int64_t count = 100000;
    const auto memory =
        along_row->allocate(device, count * static_cast<std::int64_t>(sizeof(float)), MemoryKind::gradients);
    auto* values = reinterpret_cast<float*>(memory->data());
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(1 << world.rank());
    along_column->all_reduce({values, count, DType::f32, "across"}, Reduction::sum, device.compute());
    const float want = static_cast<float>((1 << column) + (1 << (column + 2)));
    for (const std::int64_t i : {std::int64_t{0}, count / 2, count - 1}) EXPECT_EQ(values[i], want) << i;
    along_row->all_reduce({values, count, DType::f32, "along"}, Reduction::sum, device.compute());
    for (const std::int64_t i : {std::int64_t{0}, count - 1}) EXPECT_EQ(values[i], 15.0f) << i;
  });
}

}  // namespace
}  // namespace trireme::test
