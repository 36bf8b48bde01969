// Work that is captured once and done again.
#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/error.h"
#include "runtime/kernels/backend.h"
#include "runtime/tensor/tensor.h"

namespace trireme::test {
namespace {

class CudaCapture : public testing::Test {
 protected:
  Backend backend_ = make_backend("cuda", 1);
  Device& device_ = *backend_.device;
  Kernels& kernels_ = *backend_.kernels;

  Tensor ones(std::int64_t count) {
    return from_host<float>(device_, std::vector<float>(static_cast<std::size_t>(count), 1.0f), {count});
  }
};

TEST_F(CudaCapture, IsNotDoneBeforeItIsLaunchedAndThenEachTime) {
  ASSERT_TRUE(device_.can_capture());
  Tensor total = ones(1000);
  const Tensor one = ones(1000);
  kernels_.axpy(total, one, 1.0f, nullptr);  // so that the kernel is loaded
  const auto replay = device_.capture([&] { kernels_.axpy(total, one, 1.0f, nullptr); });
  EXPECT_EQ(to_host<float>(total), std::vector<float>(1000, 2.0f));
  for (int round = 0; round < 3; ++round) replay->launch();
  EXPECT_EQ(to_host<float>(total), std::vector<float>(1000, 5.0f));
}

TEST_F(CudaCapture, ReadsWhatIsInItsMemoryAtTheTime) {
  const auto pinned = device_.allocate_host(4);
  auto& factor = *reinterpret_cast<float*>(pinned->data());
  Tensor on_device = ones(1), result = ones(4);
  const auto work = [&] {
    device_.copy_from_host_later(on_device.raw(), pinned->data(), 4);
    kernels_.scale(result, result, 1.0f, &on_device);
  };
  factor = 1.0f;
  work();
  const auto replay = device_.capture(work);
  for (const float next : {3.0f, 5.0f}) {
    device_.compute().synchronize();
    factor = next;
    replay->launch();
  }
  EXPECT_EQ(to_host<float>(result), std::vector<float>(4, 15.0f));
}

// What the work allocated and released is not given to anybody else, or a launch would write over it.
TEST_F(CudaCapture, KeepsTheMemoryOfItsWork) {
  constexpr std::int64_t count = 1 << 20;
  Tensor result = ones(count);
  const Tensor one = ones(count);
  const auto work = [&] {
    Tensor between = empty(device_, {count}, DType::f32, MemoryKind::activations);
    kernels_.fill(between, 2.0f);
    kernels_.axpy(result, between, 1.0f, nullptr);
  };
  work();
  const auto replay = device_.capture(work);
  std::vector<Tensor> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(empty(device_, {count}, DType::f32, MemoryKind::activations));
    kernels_.fill(others.back(), 7.0f);
  }
  replay->launch();
  EXPECT_EQ(to_host<float>(result), std::vector<float>(count, 5.0f));
  for (const Tensor& other : others) EXPECT_EQ(to_host<float>(other), std::vector<float>(count, 7.0f));
}

TEST_F(CudaCapture, CountsItsMemoryAtEveryLaunch) {
  const auto work = [&] {
    Tensor between = empty(device_, {1 << 20}, DType::f32, MemoryKind::activations);
    kernels_.fill(between, 2.0f);
  };
  work();
  const std::int64_t peak = device_.memory().peak;
  const auto replay = device_.capture(work);
  device_.reset_peak();
  EXPECT_LT(device_.memory().peak, peak);
  replay->launch();
  EXPECT_EQ(device_.memory().peak, peak);
}

TEST_F(CudaCapture, TakesInTheCommunicationStream) {
  Tensor total = ones(100);
  const Tensor one = ones(100);
  kernels_.axpy(total, one, 1.0f, nullptr);
  const auto replay = device_.capture([&] {
    device_.communication().wait(device_.compute().record());
    kernels_.axpy(total, one, 1.0f, nullptr);
    device_.compute().wait(device_.communication().record());
    kernels_.axpy(total, one, 1.0f, nullptr);
  });
  replay->launch();
  EXPECT_EQ(to_host<float>(total), std::vector<float>(100, 4.0f));
}

TEST_F(CudaCapture, WorkThatWaitsOrThrowsLeavesTheDeviceAsItWas) {
  Tensor total = ones(10);
  EXPECT_THROW(device_.capture([&] { to_host<float>(total); }), Error);
  EXPECT_THROW(device_.capture([&] { fail("test", "stop"); }), Error);
  kernels_.axpy(total, total, 1.0f, nullptr);
  EXPECT_EQ(to_host<float>(total), std::vector<float>(10, 2.0f));
  const auto replay = device_.capture([&] { kernels_.fill(total, 9.0f); });
  replay->launch();
  EXPECT_EQ(to_host<float>(total), std::vector<float>(10, 9.0f));
}

}  // namespace
}  // namespace trireme::test
