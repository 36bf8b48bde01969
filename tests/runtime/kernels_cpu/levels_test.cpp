// What the instruction sets have in common, and what only this backend promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/base/random_formula.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/kernels/cpu/cpu_kernels.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {
namespace {

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0;
}

class Levels : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = make_cpu_device();
};

TEST_F(Levels, StartWithTheOneEveryProcessorHas) {
  const std::vector<CpuLevel> levels = cpu_levels();
  ASSERT_FALSE(levels.empty());
  EXPECT_EQ(levels.front(), CpuLevel::base);
  EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end()));
  EXPECT_TRUE(cpu_instruction_set() == "SSE2" || cpu_instruction_set() == "AVX2" || cpu_instruction_set() == "AVX-512");
}

TEST_F(Levels, NeedAThread) {
  EXPECT_THROW(make_cpu_kernels(0), Error);
  EXPECT_THROW(make_cpu_kernels(-1, CpuLevel::base), Error);
}

TEST_F(Levels, DrawTheBitsOfTheScalarFormula) {
  constexpr std::int64_t size = 5003, first = 77;
  constexpr RandomKey key{123, 456};
  for (CpuLevel level : cpu_levels()) {
    const auto kernels = make_cpu_kernels(1, level);
    Tensor normal = empty(*device_, {size}, DType::f32), cut = empty_like(normal), uniform = empty_like(normal);
    kernels->random(normal, {.a = 0.5f, .b = 3, .key = key, .first = first});
    kernels->random(cut,
                    {.distribution = Distribution::truncated_normal, .a = 0, .b = 0.02f, .key = key, .first = first});
    kernels->random(uniform, {.distribution = Distribution::uniform, .a = -1, .b = 2, .key = key, .first = first});
    for (std::int64_t i = 0; i < size; ++i) {
      const auto element = static_cast<std::uint64_t>(first + i);
      const float radius = std::sqrt(squared_radius(random_word(key, element / 2 * 2)));
      const Direction direction = direction_of(random_word(key, element / 2 * 2 + 1));
      ASSERT_EQ(normal.data<float>()[i], 0.5f + 3 * (radius * (element % 2 ? direction.sine : direction.cosine)));
      const std::uint32_t word = random_word(key, element);
      ASSERT_EQ(cut.data<float>()[i], 0 + 0.02f * truncated_normal_of(word));
      ASSERT_EQ(uniform.data<float>()[i], -1 + 3 * unit_float(word));
    }
  }
}

TEST_F(Levels, ComputeGeluWithinTwoRoundings) {
  constexpr std::int64_t size = 200001;
  Tensor x = empty(*device_, {size}, DType::f32), y = empty_like(x);
  for (std::int64_t i = 0; i < size; ++i) x.data<float>()[i] = static_cast<float>(i - size / 2) * 1e-4f;
  for (CpuLevel level : cpu_levels()) {
    make_cpu_kernels(1, level)->activate(y, x, Activation::gelu);
    double largest = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      const double v = static_cast<double>(x.data<float>()[i]);
      const double exact = 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
      largest =
          std::max(largest, std::abs(static_cast<double>(y.data<float>()[i]) - exact) / std::max(1.0, std::abs(v)));
    }
    EXPECT_LT(largest, 2e-7);
  }
}

// Wide and narrower vectors take the same sixteen lanes in the same order.
TEST_F(Levels, WithFusedMultiplyAddHaveTheSameBits) {
  constexpr std::int64_t rows = 67, columns = 259;
  const Tensor x = random_tensor(*device_, {rows, columns}, DType::f32, 1);
  const Tensor weight = random_tensor(*device_, {columns}, DType::f32, 2);
  const Tensor bias = random_tensor(*device_, {columns}, DType::f32, 3);
  std::vector<std::vector<Tensor>> results;
  for (CpuLevel level : cpu_levels()) {
    if (level == CpuLevel::base) continue;  // has no fused multiply-add
    const auto made = make_cpu_kernels(1, level);
    Kernels& kernels = *made;
    Tensor y = empty_like(x), mean = empty(*device_, {rows}, DType::f32), rstd = empty_like(mean);
    Tensor dx = empty_like(x), dweight = empty_like(weight), dbias = empty_like(weight), shares = empty_like(x);
    kernels.layer_norm(y, mean, rstd, x, nullptr, nullptr, weight, bias, 1e-5f);
    kernels.layer_norm_grad(dx, dweight, dbias, y, x, mean, rstd, weight, nullptr, false);
    kernels.softmax(shares, x, false);
    Tensor activated = empty_like(x);
    kernels.activate(activated, x, Activation::gelu);
    results.push_back({y, mean, rstd, dx, dweight, dbias, shares, activated});
  }
  for (const auto& result : results)
    for (std::size_t i = 0; i < result.size(); ++i) EXPECT_TRUE(same_bytes(result[i], results[0][i])) << i;
}

}  // namespace
}  // namespace trireme::test
