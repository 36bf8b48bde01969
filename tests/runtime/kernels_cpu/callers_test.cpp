// Ranks as threads: several instances, and one instance shared, called at the same time.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/kernels/cpu/cpu_kernels.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {
namespace {

// A little of everything that has working memory; the result is one tensor.
Tensor worked(Device& device, Kernels& kernels) {
  constexpr std::int64_t rows = 256, inner = 192, width = 64, heads = 3, length = 128;
  const Tensor x = random_tensor(device, {rows, inner}, DType::f32, 1);
  const Tensor weight = random_tensor(device, {3 * inner, inner}, DType::f32, 2);
  const Tensor bias = random_tensor(device, {3 * inner}, DType::f32, 3);
  const Tensor scale = random_tensor(device, {inner}, DType::f32, 4);
  Tensor qkv = empty(device, {rows, 3 * inner}, DType::f32), out = empty(device, {2, length, heads, width}, DType::f32);
  Tensor lse = empty(device, {2, heads, length}, DType::f32), dqkv = empty_like(qkv), dweight = empty_like(weight);
  Tensor dscale = empty_like(scale), dshift = empty_like(scale), mean = empty(device, {rows}, DType::f32);
  Tensor rstd = empty_like(mean), normal = empty_like(x), dx = empty_like(x), dbias = empty_like(bias);
  kernels.layer_norm(normal, mean, rstd, x, nullptr, nullptr, scale, scale, 1e-5f);
  kernels.gemm(qkv, normal, weight, {.transpose_b = true, .bias = &bias});
  const Tensor packed = qkv.view({2, length, 3 * heads, width});
  Tensor dpacked = dqkv.view({2, length, 3 * heads, width});
  const Attention how{.heads = heads, .kv_heads = heads, .scale = 0.125f};
  kernels.attention(out, lse, packed, how);
  kernels.attention_grad(dpacked, out, packed, out, lse, how);
  kernels.column_sum(dbias, dqkv, false);
  kernels.gemm(dweight, dqkv, normal, {.transpose_a = true});
  kernels.gemm(dx, dqkv, weight, {});
  kernels.layer_norm_grad(dx, dscale, dshift, dx, x, mean, rstd, scale, nullptr, false);
  Tensor all = empty(device, {dweight.numel() + dx.numel() + dbias.numel() + dscale.numel()}, DType::f32);
  std::int64_t at = 0;
  for (const Tensor& part : {dweight, dx, dbias, dscale}) {
    std::memcpy(all.data<float>() + at, part.raw(), static_cast<std::size_t>(part.bytes()));
    at += part.numel();
  }
  return all;
}

bool same(const Tensor& a, const Tensor& b) {
  return std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0;
}

TEST(Callers, InstancesDoNotDisturbEachOther) {
  const auto device = make_cpu_device();
  const Tensor expected = worked(*device, *make_cpu_kernels(1));
  std::vector<std::thread> ranks;
  std::atomic<int> right = 0;
  for (int rank = 0; rank < 4; ++rank)
    ranks.emplace_back([&, rank] {
      const auto mine = make_cpu_device();
      const auto kernels = make_cpu_kernels(1 + rank % 2);
      for (int round = 0; round < 3; ++round) right += same(worked(*mine, *kernels), expected);
    });
  for (std::thread& rank : ranks) rank.join();
  EXPECT_EQ(right, 12);
}

TEST(Callers, MayShareAnInstance) {
  const auto device = make_cpu_device();
  const auto kernels = make_cpu_kernels(2);
  const Tensor expected = worked(*device, *kernels);
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&] {
      const auto mine = make_cpu_device();
      for (int round = 0; round < 3; ++round) right += same(worked(*mine, *kernels), expected);
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 9);
}

TEST(Callers, GetTheSameBitsFromAnyNumberOfThreads) {
  const auto device = make_cpu_device();
  const Tensor expected = worked(*device, *make_cpu_kernels(1));
  for (int threads : {2, 3, 8}) EXPECT_TRUE(same(worked(*device, *make_cpu_kernels(threads)), expected)) << threads;
}

}  // namespace
}  // namespace trireme::test
