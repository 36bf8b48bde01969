#include "runtime/tensor/tensor.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/dry/dry_device.h"

namespace trireme::test {
namespace {

class Tensors : public ::testing::Test {
 protected:
  Tensor counting(const Shape& shape) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < shape.numel(); ++i) values.push_back(static_cast<float>(i));
    return from_host<float>(*device_, values, shape);
  }
  std::unique_ptr<Device> device_ = make_cpu_device();
};

TEST_F(Tensors, ADefaultTensorIsUndefined) {
  EXPECT_FALSE(Tensor{});
  EXPECT_TRUE(empty(*device_, {}, DType::f32));
}

TEST_F(Tensors, KnowTheirShapeDtypeAndBytes) {
  const Tensor x = empty(*device_, {2, 3, 5}, DType::bf16, MemoryKind::weights);
  EXPECT_EQ(x.shape(), (Shape{2, 3, 5}));
  EXPECT_EQ(x.size(-1), 5);
  EXPECT_EQ(x.numel(), 30);
  EXPECT_EQ(x.bytes(), 60);
  EXPECT_EQ(x.dtype(), DType::bf16);
  EXPECT_EQ(&x.device(), device_.get());
  EXPECT_EQ(device_->memory().live_by_kind[static_cast<std::size_t>(MemoryKind::weights)], 64);
  const Tensor y = empty_like(x);
  EXPECT_EQ(y.shape(), x.shape());
  EXPECT_EQ(y.dtype(), x.dtype());
  EXPECT_NE(y.raw(), x.raw());
}

TEST_F(Tensors, GoToTheDeviceAndBack) {
  const std::vector<std::int32_t> ids{3, 1, 4, 1, 5, 9};
  const Tensor x = from_host<std::int32_t>(*device_, ids, {2, 3});
  EXPECT_EQ(to_host<std::int32_t>(x), ids);
  EXPECT_EQ(x.data<std::int32_t>()[5], 9);
  EXPECT_THROW(to_host<float>(x), Error);
  EXPECT_THROW(x.data<float>(), Error);
  EXPECT_THROW(from_host<std::int32_t>(*device_, ids, {7}), Error);
}

TEST_F(Tensors, FloatsComeFromEveryFloatingDtype) {
  const std::vector<float> expected{1.5f, -2.0f};
  EXPECT_EQ(to_floats(from_host<float>(*device_, expected, {2})), expected);
  EXPECT_EQ(to_floats(from_host<double>(*device_, std::vector<double>{1.5, -2}, {2})), expected);
  EXPECT_EQ(to_floats(from_host<BFloat16>(*device_, std::vector{BFloat16(1.5f), BFloat16(-2.0f)}, {2})), expected);
  EXPECT_EQ(to_floats(from_host<Float16>(*device_, std::vector{Float16(1.5f), Float16(-2.0f)}, {2})), expected);
  EXPECT_THROW(to_floats(from_host<std::int32_t>(*device_, std::vector{1}, {1})), Error);
}

TEST_F(Tensors, ViewsShareStorage) {
  const Tensor x = counting({4, 6});
  const Tensor flat = x.view({24});
  EXPECT_EQ(flat.shape(), Shape{24});
  EXPECT_EQ(flat.raw(), x.raw());
  flat.data<float>()[7] = -1;
  EXPECT_EQ(x.data<float>()[7], -1);
  EXPECT_THROW(x.view({23}), Error);
  EXPECT_EQ(x.storage().use_count(), 2);
}

TEST_F(Tensors, RowsAreARangeOfTheOutermostDimension) {
  const Tensor x = counting({4, 2, 3});
  const Tensor middle = x.rows(1, 3);
  EXPECT_EQ(middle.shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(to_floats(middle).front(), 6);
  EXPECT_EQ(to_floats(middle).back(), 17);
  EXPECT_EQ(to_floats(middle.rows(1, 2)).front(), 12);  // of a view
  EXPECT_EQ(x.rows(4, 4).numel(), 0);
  EXPECT_THROW(x.rows(-1, 2), Error);
  EXPECT_THROW(x.rows(3, 2), Error);
  EXPECT_THROW(x.rows(2, 5), Error);
  EXPECT_THROW(middle.rows(0, 3), Error);  // beyond the view, though not beyond the storage
  EXPECT_THROW(counting({}).rows(0, 1), Error);
  EXPECT_EQ(empty(*device_, {0, 5}, DType::f32).rows(0, 0).shape(), (Shape{0, 5}));
}

TEST_F(Tensors, RangesAreFlat) {
  const Tensor x = counting({4, 6});
  const Tensor part = x.range(5, 9);
  EXPECT_EQ(part.shape(), Shape{4});
  EXPECT_EQ(to_floats(part), (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ(to_floats(part.range(1, 2)), std::vector<float>{6});
  EXPECT_EQ(part.offset(), 20);
  EXPECT_THROW(part.range(0, 5), Error);
  EXPECT_THROW(x.range(-1, 2), Error);
  EXPECT_THROW(x.range(3, 2), Error);
  EXPECT_THROW(x.range(0, 25), Error);
}

TEST_F(Tensors, TheirRangeMustLieInsideTheStorage) {
  const auto storage = device_->allocate(100, MemoryKind::weights);
  EXPECT_EQ(Tensor(*device_, storage, 20, {4, 5}, DType::f32).raw(), storage->data() + 20);
  EXPECT_THROW(Tensor(*device_, storage, 24, Shape({4, 5}), DType::f32), Error);
  EXPECT_THROW(Tensor(*device_, storage, -4, Shape({5}), DType::f32), Error);
}

TEST_F(Tensors, StorageLivesAsLongAsAnyView) {
  Tensor view;
  {
    const Tensor x = counting({1000});
    view = x.range(999, 1000);
  }
  EXPECT_EQ(to_floats(view)[0], 999);
  EXPECT_EQ(device_->memory().live, 4032);
  view = {};
  EXPECT_EQ(device_->memory().live, 0);
}

TEST_F(Tensors, ViewsAreForgottenByTheTape) {
  Tensor x = counting({4, 6});
  x.mark.slot = 3;
  EXPECT_EQ(x.detached().mark.slot, -1);
  EXPECT_EQ(x.detached().raw(), x.raw());
  EXPECT_EQ(x.view({24}).mark.slot, -1);
  EXPECT_EQ(x.rows(0, 1).mark.slot, -1);
  EXPECT_EQ(x.range(0, 1).mark.slot, -1);
}

TEST_F(Tensors, OnADryDeviceHaveNoAddress) {
  const auto dry = make_dry_device();
  const Tensor x = empty(*dry, {1 << 20, 1 << 20}, DType::f32);
  EXPECT_TRUE(x);
  EXPECT_EQ(x.raw(), nullptr);
  EXPECT_EQ(x.rows(5, 9).raw(), nullptr);
  EXPECT_EQ(x.rows(5, 9).offset(), std::int64_t{5} << 22);
  EXPECT_EQ(x.bytes(), std::int64_t{1} << 42);
}

TEST_F(Tensors, EmptyOnesHaveStorageAndNoElements) {
  const Tensor x = empty(*device_, {0, 5}, DType::f32);
  EXPECT_TRUE(x);
  EXPECT_EQ(x.numel(), 0);
  EXPECT_TRUE(to_floats(x).empty());
}

}  // namespace
}  // namespace trireme::test
