// Matrix products large enough for this backend's own loops, against sums in double of a sample of their elements.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/kernels/cpu/cpu_kernels.h"

namespace trireme::test {
namespace {

// More rows than a block, more columns than a panel, more depth than is packed at once; no size that a tile divides.
struct Sizes {
  std::int64_t rows, columns, depth;
};
constexpr Sizes shapes[] = {{517, 777, 389}, {61, 3109, 801}, {131, 97, 20011}};

struct Product {
  Tensor a, b, bias, before;
  Gemm how;
};

Tensor uniform(Device& device, Kernels& kernels, const Shape& shape, std::uint64_t stream) {
  Tensor y = empty(device, shape, DType::f32);
  kernels.random(y, {.distribution = Distribution::uniform, .a = -1, .b = 1, .key = {7, stream}});
  return y;
}

Product product_of(Device& device, Kernels& kernels, const Sizes& sizes, bool transpose_a, bool transpose_b) {
  const auto [m, n, k] = sizes;
  return {uniform(device, kernels, transpose_a ? Shape{k, m} : Shape{m, k}, 1),
          uniform(device, kernels, transpose_b ? Shape{n, k} : Shape{k, n}, 2), uniform(device, kernels, {n}, 3),
          uniform(device, kernels, {m, n}, 4), Gemm{.transpose_a = transpose_a, .transpose_b = transpose_b}};
}

// c starts as `before`.
Tensor multiplied(Kernels& kernels, const Product& p, Tensor* preactivation = nullptr) {
  Tensor c = empty_like(p.before);
  std::memcpy(c.raw(), p.before.raw(), static_cast<std::size_t>(c.bytes()));
  Gemm how = p.how;
  how.preactivation = preactivation;
  kernels.gemm(c, p.a, p.b, how);
  return c;
}

// Element (i, j) before the activation.
double expected(const Product& p, std::int64_t i, std::int64_t j) {
  const std::int64_t m = p.before.size(0), n = p.before.size(1), k = p.a.numel() / m;
  const auto *a = p.a.data<float>(), *b = p.b.data<float>();
  double sum = 0;
  for (std::int64_t d = 0; d < k; ++d)
    sum += static_cast<double>(a[p.how.transpose_a ? d * m + i : i * k + d]) *
           static_cast<double>(b[p.how.transpose_b ? j * k + d : d * n + j]);
  sum *= static_cast<double>(p.how.alpha);
  if (p.how.beta != 0) sum += static_cast<double>(p.how.beta) * static_cast<double>(p.before.data<float>()[i * n + j]);
  if (p.how.bias) sum += static_cast<double>(p.how.bias->data<float>()[j]);
  return sum;
}

// Compares the corners, and about a thousand elements spread over c.
void check(const Product& p, const Tensor& c) {
  const std::int64_t m = c.size(0), n = c.size(1), k = p.a.numel() / m, stride = c.numel() / 1000 + 1;
  const double allowed = 3e-7 * std::sqrt(static_cast<double>(k)) * 4;
  for (std::int64_t at = 0; at < c.numel(); at += stride)
    ASSERT_NEAR(static_cast<double>(c.data<float>()[at]), expected(p, at / n, at % n), allowed)
        << at / n << ' ' << at % n;
  for (std::int64_t i : {std::int64_t{0}, m - 1})
    for (std::int64_t j : {std::int64_t{0}, n - 1})
      ASSERT_NEAR(static_cast<double>(c.data<float>()[i * n + j]), expected(p, i, j), allowed) << i << ' ' << j;
}

class Products : public ::testing::TestWithParam<CpuLevel> {
 protected:
  std::unique_ptr<Device> device_ = make_cpu_device();
  std::unique_ptr<Kernels> kernels_ = make_cpu_kernels(1, GetParam());
};
INSTANTIATE_TEST_SUITE_P(Levels, Products, ::testing::ValuesIn(cpu_levels()),
                         [](const auto& chosen) { return "level_" + std::to_string(static_cast<int>(chosen.param)); });

TEST_P(Products, AgreeForEveryTransposition) {
  for (const Sizes& sizes : shapes)
    for (bool transpose_a : {false, true})
      for (bool transpose_b : {false, true}) {
        const Product p = product_of(*device_, *kernels_, sizes, transpose_a, transpose_b);
        check(p, multiplied(*kernels_, p));
      }
}

TEST_P(Products, ScaleBothTerms) {
  for (const Sizes& sizes : shapes)
    for (float alpha : {1.0f, -0.5f})
      for (float beta : {1.0f, 0.25f}) {
        Product p = product_of(*device_, *kernels_, sizes, false, true);
        p.how.alpha = alpha;
        p.how.beta = beta;
        check(p, multiplied(*kernels_, p));
      }
}

TEST_P(Products, AddTheBiasAndKeepWhatTheActivationSaw) {
  for (const Sizes& sizes : shapes) {
    Product p = product_of(*device_, *kernels_, sizes, false, true);
    p.how.bias = &p.bias;
    p.how.activation = Activation::relu;
    Tensor before = empty_like(p.before);
    const Tensor c = multiplied(*kernels_, p, &before);
    check(p, before);
    for (std::int64_t i = 0; i < c.numel(); ++i) ASSERT_EQ(c.data<float>()[i], std::max(0.0f, before.data<float>()[i]));
  }
}

TEST_P(Products, HaveTheSameBitsWithAnyNumberOfThreads) {
  for (const Sizes& sizes : shapes) {
    Product p = product_of(*device_, *kernels_, sizes, true, false);
    p.how.bias = &p.bias;
    const Tensor expected = multiplied(*kernels_, p);
    for (int threads : {2, 3, 7}) {
      const Tensor found = multiplied(*make_cpu_kernels(threads, GetParam()), p);
      EXPECT_EQ(std::memcmp(found.raw(), expected.raw(), static_cast<std::size_t>(found.bytes())), 0) << threads;
    }
  }
}

TEST_P(Products, RoundSixteenBitResultsOnce) {
  const Sizes sizes{131, 97, 20011};
  for (DType dtype : {DType::bf16, DType::f16}) {
    Product p = product_of(*device_, *kernels_, sizes, false, false);
    Tensor a = empty(*device_, p.a.shape(), dtype), b = empty(*device_, p.b.shape(), dtype);
    kernels_->cast(a, p.a), kernels_->cast(b, p.b);
    kernels_->cast(p.a, a), kernels_->cast(p.b, b);  // what 16 bits hold
    const Tensor wide = multiplied(*kernels_, p);
    Tensor rounded = empty(*device_, wide.shape(), dtype), found = empty_like(rounded);
    kernels_->cast(rounded, wide);
    kernels_->gemm(found, a, b, {});
    EXPECT_EQ(std::memcmp(found.raw(), rounded.raw(), static_cast<std::size_t>(found.bytes())), 0);
    Tensor direct = empty_like(wide);  // into an fp32 result
    kernels_->gemm(direct, a, b, {});
    EXPECT_EQ(std::memcmp(direct.raw(), wide.raw(), static_cast<std::size_t>(wide.bytes())), 0);
  }
}

}  // namespace
}  // namespace trireme::test
