// The emulator itself: kernels that keep the rules compute what they should, and those that break them are found out.
#include "tests/runtime/kernels_cuda/emulator/emulator.h"

#include <gtest/gtest.h>

#include <vector>

#include "machine.h"
#include "runtime/base/error.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {
namespace {

__global__ void number_kernel(int* y) {
  y[blockIdx.y * gridDim.x * blockDim.x + blockIdx.x * blockDim.x + threadIdx.x] = static_cast<int>(threadIdx.x);
}

TEST(Emulator, RunsEveryThreadOfEveryBlockOnce) {
  std::vector<int> y(3 * 2 * 100, -1);
  launch(nullptr, {3, 100, 2}, number_kernel, y.data());
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], static_cast<int>(i % 100));
}

__global__ void sum_kernel(double* y, const double* x) {
  const double total = over_block<8>(x[threadIdx.x], Add{});
  y[threadIdx.x] = total + over_block<8>(1.0, Add{});
}

TEST(Emulator, ThreadsOfABlockMeetAndExchange) {
  std::vector<double> x(256), y(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  for (int again = 0; again < 10; ++again) {  // in other orders
    launch(nullptr, {1, 256}, sum_kernel, y.data(), x.data());
    for (double value : y) EXPECT_EQ(value, 255 * 128 + 256);
  }
}

__global__ void race_kernel(int* y) {
  __shared__ int values[64];
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  y[threadIdx.x] = values[63 - threadIdx.x];  // without a barrier
  __syncthreads();
  values[threadIdx.x] = -1;
}

TEST(Emulator, AMissingBarrierShowsInOneOrderOrAnother) {
  int wrong = 0;
  for (int again = 0; again < 4; ++again) {
    std::vector<int> y(64);
    launch(nullptr, {1, 64}, race_kernel, y.data());
    for (std::size_t i = 0; i < y.size(); ++i) wrong += y[i] != 63 - static_cast<int>(i);
  }
  EXPECT_GT(wrong, 0);
}

__global__ void divergent_barrier_kernel() {
  if (threadIdx.x < 32) __syncthreads();
}
__global__ void divergent_exchange_kernel(float* y) {
  if (threadIdx.x != 5) y[threadIdx.x] = from_lane(1.0f, 1);
}
__global__ void exchange_and_barrier_kernel(float* y) {
  if (threadIdx.x < 16)
    y[threadIdx.x] = from_lane(1.0f, 1);
  else
    __syncthreads();
}
__global__ void part_of_a_warp_kernel(float* y) {
  y[threadIdx.x] = from_lane(1.0f, 1);
}
__global__ void unaligned_kernel(float* y) {
  std::uint32_t words[4];
  load_words<4>(words, y + 1);
  store_words<4>(y, words);
}

TEST(Emulator, FindsOutWhoBreaksTheRules) {
  alignas(16) float y[64] = {};
  EXPECT_THROW(launch(nullptr, {1, 64}, divergent_barrier_kernel), Error);
  EXPECT_THROW(launch(nullptr, {1, 64}, divergent_exchange_kernel, y), Error);
  EXPECT_THROW(launch(nullptr, {1, 32}, exchange_and_barrier_kernel, y), Error);
  EXPECT_THROW(launch(nullptr, {1, 40}, part_of_a_warp_kernel, y), Error);
  EXPECT_THROW(launch(nullptr, {1, 1}, unaligned_kernel, y), Error);
  EXPECT_THROW(launch(nullptr, {0, 32}, divergent_barrier_kernel), Error);
  EXPECT_THROW(launch(nullptr, {1, 1025}, divergent_barrier_kernel), Error);
  EXPECT_THROW(launch(nullptr, {1, 32, 65536}, divergent_barrier_kernel), Error);
  EXPECT_NO_THROW(launch(nullptr, {1, 32}, divergent_barrier_kernel));  // and goes on after them
}

}  // namespace
}  // namespace trireme::cuda
