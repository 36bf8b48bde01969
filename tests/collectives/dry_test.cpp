// The dry group: what was asked for, in order, and nothing moved.
#include <gtest/gtest.h>

#include "collectives/dry/dry_group.h"
#include "runtime/device/dry/dry_device.h"

namespace trireme::test {
namespace {

TEST(Dry, RecordsEveryOperationInOrder) {
  DryRecord record;
  const auto device = make_dry_device();
  const auto group = make_dry_group(1, 4, &record, {{.name = "tensor", .rank = 1, .size = 2}});
  EXPECT_EQ(group->rank(), 1);
  EXPECT_EQ(group->size(), 4);
  EXPECT_EQ(group->transport(), "dry");
  Stream& stream = device->compute();
  const Region whole{.data = nullptr, .count = 400, .dtype = DType::bf16, .label = "bucket 0"};
  const Region part{.data = nullptr, .count = 100, .dtype = DType::bf16, .label = "slice"};

  const auto storage = group->allocate(*device, 1000, MemoryKind::gradients);
  group->all_reduce(whole, Reduction::sum, stream);
  const auto tensor = group->split(0, 0, "tensor");
  const auto data = group->split(1, 0, "data");
  tensor->all_reduce(part, Reduction::max, stream);
  group->all_gather(part, whole, stream);
  group->reduce_scatter(whole, part, Reduction::sum, stream);
  group->broadcast(part, 0, stream);
  data->all_to_all(whole, whole, stream);
  group->send(part, 2, stream);
  group->recv(part, 0, stream);
  group->barrier(stream);

  const auto operation = [](std::string name, std::int64_t bytes, std::string label, std::string of, int ranks) {
    return DryOperation{.operation = std::move(name),
                        .bytes = bytes,
                        .dtype = DType::bf16,
                        .label = std::move(label),
                        .group = std::move(of),
                        .ranks = ranks};
  };
  DryRecord expected{operation("allocate", 1000, "", "world", 4),
                     operation("all_reduce", 800, "bucket 0", "world", 4),
                     operation("split", 0, "tensor", "world", 4),
                     operation("split", 0, "data", "world", 4),
                     operation("all_reduce", 200, "slice", "tensor", 2),
                     operation("all_gather", 800, "bucket 0", "world", 4),
                     operation("reduce_scatter", 800, "bucket 0", "world", 4),
                     operation("broadcast", 200, "slice", "world", 4),
                     operation("all_to_all", 800, "bucket 0", "data", 4),
                     operation("send", 200, "slice", "world", 4),
                     operation("recv", 200, "slice", "world", 4),
                     operation("barrier", 0, "", "world", 4)};
  expected[0].dtype = DType::u8;
  for (std::size_t at : {2u, 3u, 11u}) expected[at].dtype = DType::f32;  // of no region
  ASSERT_EQ(record.size(), expected.size());
  for (std::size_t at = 0; at < record.size(); ++at) EXPECT_TRUE(record[at] == expected[at]) << at << record[at].group;

  EXPECT_EQ(storage->data(), nullptr);
  EXPECT_EQ(device->memory().live_by_kind[static_cast<std::size_t>(MemoryKind::gradients)], 1024);
  EXPECT_EQ(tensor->size(), 2);
  EXPECT_EQ(data->rank(), 1);
}

TEST(Dry, CountsTheBytesThatARankSends) {
  DryOperation operation{.operation = "all_reduce", .bytes = 400, .label = {}, .group = {}, .ranks = 4};
  EXPECT_EQ(bytes_sent(operation), 600);
  operation.operation = "all_gather";
  EXPECT_EQ(bytes_sent(operation), 300);
  operation.operation = "send";
  EXPECT_EQ(bytes_sent(operation), 400);
  operation.operation = "barrier";
  EXPECT_EQ(bytes_sent(operation), 0);
}

// A dry run refuses what the run would refuse.
TEST(Dry, RefusesWhatEveryGroupRefuses) {
  const auto device = make_dry_device();
  const auto group = make_dry_group(0, 4, nullptr);
  Stream& stream = device->compute();
  const auto of = [](std::int64_t count, DType dtype = DType::f32) {
    return Region{.data = nullptr, .count = count, .dtype = dtype};
  };
  EXPECT_THROW(group->all_gather(of(3), of(8), stream), Error);
  EXPECT_THROW(group->all_gather(of(2, DType::bf16), of(8), stream), Error);
  EXPECT_THROW(group->reduce_scatter(of(8), of(2, DType::bf16), Reduction::sum, stream), Error);
  EXPECT_THROW(group->reduce_scatter(of(8, DType::u16), of(2, DType::u16), Reduction::sum, stream), Error);
  EXPECT_THROW(group->all_reduce(of(8, DType::u16), Reduction::max, stream), Error);
  EXPECT_THROW(group->all_to_all(of(6), of(6), stream), Error);
  EXPECT_THROW(group->broadcast(of(1), 4, stream), Error);
  EXPECT_THROW(group->send(of(1), 0, stream), Error);
  EXPECT_THROW(group->recv(of(1), -1, stream), Error);
  EXPECT_THROW(make_dry_group(4, 4, nullptr), Error);
}

}  // namespace
}  // namespace trireme::test
