// Which products of a linear layer have factors of 8 bits, and of which format.
#include "runtime/ops/linear.h"

#include <gtest/gtest.h>

#include "runtime/kernels/backend.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {
namespace {

class LinearInEightBits : public testing::Test {
 protected:
  struct Layer {
    Tensor y, dx, dweight;
  };

  Tensor filled(const Shape& shape, DType dtype, std::uint64_t seed) {
    return random_tensor(*backend_.device, shape, dtype, seed);
  }
  Tensor zeros(const Shape& shape, DType dtype) {
    return tensor_of(*backend_.device, Values(static_cast<std::size_t>(shape.numel())), shape, dtype);
  }
  Layer through_ops(std::int64_t rows, bool eight_bits) {
    Tape tape(*backend_.device, *backend_.kernels);
    Context cx{*backend_.device, *backend_.kernels, &tape};
    Leaf weight;
    weight.value = filled({n, k}, DType::bf16, 2);
    weight.gradient = zeros({n, k}, DType::f32);
    const Tensor x = tape.input(filled({rows, k}, DType::bf16, 1));
    const Tensor y = ops::linear(cx, x, weight.tensor(), {}, {.eight_bits = eight_bits});
    tape.backward(y, filled({rows, n}, DType::bf16, 3));
    return {y, tape.take_gradient(x), weight.gradient};
  }
  // The same as three products.
  Layer through_kernels(std::int64_t rows, EightBits values, EightBits gradients) {
    const Tensor x = filled({rows, k}, DType::bf16, 1), weight = filled({n, k}, DType::bf16, 2);
    const Tensor dy = filled({rows, n}, DType::bf16, 3);
    Layer layer{zeros({rows, n}, DType::bf16), zeros({rows, k}, DType::bf16), zeros({n, k}, DType::f32)};
    Kernels& kernels = *backend_.kernels;
    kernels.gemm(layer.y, x, weight, {.transpose_b = true, .a_format = values, .b_format = values});
    kernels.gemm(layer.dx, dy, weight, {.a_format = gradients, .b_format = values});
    kernels.gemm(layer.dweight, dy, x, {.transpose_a = true, .a_format = gradients, .b_format = values});
    return layer;
  }
  void expect_same(const Layer& got, const Layer& want) {
    EXPECT_TRUE(same_bits(got.y, want.y));
    EXPECT_TRUE(same_bits(got.dx, want.dx));
    EXPECT_TRUE(same_bits(got.dweight, want.dweight));
  }

  static constexpr std::int64_t n = 32, k = 48;
  Backend backend_ = make_backend("cpu", 1);
};

TEST_F(LinearInEightBits, ValuesAreE4m3AndGradientsE5m2) {
  expect_same(through_ops(16, true), through_kernels(16, EightBits::e4m3, EightBits::e5m2));
}

TEST_F(LinearInEightBits, OtherSizesAndLayersAreLeftAsTheyAre) {
  expect_same(through_ops(24, true), through_kernels(24, EightBits::none, EightBits::none));
  expect_same(through_ops(16, false), through_kernels(16, EightBits::none, EightBits::none));
}

}  // namespace
}  // namespace trireme::test
