// Products of 8-bit factors: the rounding to 8 bits, and what is multiplied afterwards.
#include "eight_bits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/cuda/gemm/float8.h"
#include "runtime/kernels/reference/reference_kernels.h"
#include "tests/runtime/kernels_cuda/emulator/emulated_backend.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {
namespace {

using cuda::Element;

struct Rounded {
  std::vector<std::uint8_t> rows, columns;
  float scale = 0;
};

class EightBitProducts : public ::testing::Test {
 protected:
  Rounded rounded(const Tensor& x, Element format) {
    Rounded result{std::vector<std::uint8_t>(static_cast<std::size_t>(x.numel())),
                   std::vector<std::uint8_t>(static_cast<std::size_t>(x.numel()))};
    std::vector<float> scratch(cuda::eight_bits_scratch, NAN);
    cuda::to_eight_bits(
        nullptr, 3,
        {.format = format, .rows = result.rows.data(), .columns = result.columns.data(), .scale = &result.scale}, x,
        scratch.data());
    return result;
  }
  Tensor tensor(const Values& values, const Shape& shape, DType dtype) {
    return tensor_of(*backend_.device, values, shape, dtype);
  }
  // What a tensor is after rounding to 8 bits.
  Values seen(const Tensor& x, Element format) {
    const Rounded r = rounded(x, format);
    Values values;
    for (std::uint8_t bits : r.rows) values.push_back(double{cuda::from_float8(format, bits)} * r.scale);
    return values;
  }

  Backend backend_ = make_emulated_backend(Epilogues::all);
};

TEST_F(EightBitProducts, NumbersAreThoseOfTheFormats) {
  EXPECT_EQ(cuda::from_float8(Element::e4m3, 0x7e), 448);
  EXPECT_EQ(cuda::from_float8(Element::e5m2, 0x7b), 57344);
  EXPECT_EQ(cuda::from_float8(Element::e4m3, 0x01), 0x1p-9f);
  EXPECT_EQ(cuda::from_float8(Element::e5m2, 0x01), 0x1p-16f);
  EXPECT_EQ(cuda::from_float8(Element::e4m3, 0xb8), -1);
}

TEST_F(EightBitProducts, RoundsToTheNearestOfAScaledFormat) {
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (Element format : {Element::e4m3, Element::e5m2}) {
      for (double size : {1e-3, 1.0, 300.0}) {
        const Tensor x = tensor(random_values(48 * 80, 5, {-size, size}), {48, 80}, dtype);
        const Values exact = values_of(x), got = seen(x, format);
        double largest = 0;
        for (double value : exact) largest = std::max(largest, std::fabs(value));
        // Half a unit in the last place: of the number, or of the smallest normal one.
        const double unit = format == Element::e4m3 ? 0x1p-4 : 0x1p-3,
                     least = format == Element::e4m3 ? 0x1p-15 : 0x1p-30;
        for (std::size_t i = 0; i < exact.size(); ++i)
          ASSERT_LE(std::fabs(got[i] - exact[i]), std::max(unit * std::fabs(exact[i]), 2 * least * unit * largest))
              << exact[i] << " of " << largest;
      }
    }
  }
}

TEST_F(EightBitProducts, TheScaleIsAPowerOfTwoAndUsesTheRange) {
  for (float largest : {1e-30f, 0.875f, 0.876f, 1.0f, 448.0f, 449.0f, 60000.0f}) {
    for (Element format : {Element::e4m3, Element::e5m2}) {
      Values values(16 * 16, 0.0);
      values[17] = -largest;
      const Rounded r = rounded(tensor(values, {16, 16}, DType::f32), format);
      int exponent;
      EXPECT_EQ(std::frexp(r.scale, &exponent), 0.5f) << largest;
      const float limit = format == Element::e4m3 ? 448.0f : 57344.0f;
      EXPECT_LE(largest / r.scale, limit) << largest;
      EXPECT_GT(largest / r.scale, limit / 2) << largest;
    }
  }
}

TEST_F(EightBitProducts, RowsAndColumnsHoldTheSame) {
  for (const Shape& shape : {Shape{16, 16}, Shape{48, 80}, Shape{64, 128}, Shape{176, 16}}) {
    const Rounded r = rounded(tensor(random_values(shape.numel(), 6), shape, DType::bf16), Element::e4m3);
    const auto rows = static_cast<std::size_t>(shape[0]), columns = static_cast<std::size_t>(shape[1]);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) ASSERT_EQ(r.rows[i * columns + j], r.columns[j * rows + i]) << shape;
  }
}

TEST_F(EightBitProducts, NothingThatIsNotFiniteIsLost) {
  Values values = random_values(32 * 32, 7);
  EXPECT_EQ(rounded(tensor(Values(32 * 32, 0.0), {32, 32}, DType::bf16), Element::e4m3).scale, 1.0f);
  values[100] = HUGE_VAL;
  EXPECT_TRUE(std::isnan(rounded(tensor(values, {32, 32}, DType::bf16), Element::e5m2).scale));
  values[100] = NAN;
  for (Element format : {Element::e4m3, Element::e5m2}) {
    const Values got = seen(tensor(values, {32, 32}, DType::bf16), format);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(std::isnan(got[i]), i == 100) << i;
  }
}

TEST_F(EightBitProducts, ProductsAreThoseOfTheRoundedFactors) {
  const std::int64_t m = 48, n = 32, k = 80;
  const std::unique_ptr<Kernels> reference = make_reference_kernels();
  for (int transposes = 0; transposes < 4; ++transposes) {
    const bool ta = (transposes & 1) != 0, tb = (transposes & 2) != 0;
    for (EightBits format : {EightBits::e4m3, EightBits::e5m2}) {
      const Element fa = format == EightBits::e4m3 ? Element::e4m3 : Element::e5m2, fb = Element::e4m3;
      for (DType result : {DType::bf16, DType::f32}) {
        const Shape a_shape = ta ? Shape{k, m} : Shape{m, k}, b_shape = tb ? Shape{n, k} : Shape{k, n};
        const Tensor a = tensor(random_values(m * k, 1), a_shape, DType::bf16);
        const Tensor b = tensor(random_values(n * k, 2), b_shape, DType::bf16);
        const Tensor bias = tensor(random_values(n, 3), {n}, result);
        const Values before = random_values(m * n, 4);
        Tensor c = tensor(before, {m, n}, result), kept = tensor(before, {m, n}, result);
        Gemm how{
            .transpose_a = ta, .transpose_b = tb, .alpha = 0.5f, .beta = 1.0f, .bias = &bias, .preactivation = &kept};
        how.activation = Activation::gelu;
        how.a_format = format;
        how.b_format = EightBits::e4m3;
        backend_.kernels->gemm(c, a, b, how);
        how.a_format = how.b_format = EightBits::none;

        const Tensor exact_a = tensor(seen(a, fa), a_shape, DType::f64),
                     exact_b = tensor(seen(b, fb), b_shape, DType::f64);
        Tensor expected = tensor(values_of(tensor(before, {m, n}, result)), {m, n}, DType::f64);
        Tensor expected_kept = tensor(before, {m, n}, DType::f64);
        const Tensor exact_bias = tensor(values_of(bias), {n}, DType::f64);
        how.bias = &exact_bias;
        how.preactivation = &expected_kept;
        reference->gemm(expected, exact_a, exact_b, how);
        Tolerance tolerance = rounding_of(result);
        tolerance.relative *= 2;
        EXPECT_TRUE(close(c, expected, tolerance)) << transposes;
        EXPECT_TRUE(close(kept, expected_kept, tolerance)) << transposes;
      }
    }
  }
}

TEST_F(EightBitProducts, NeedACardThatHasThem) {
  EXPECT_EQ(backend_.kernels->why_no_eight_bits(), "");
  for (const auto& [major, minor, has] : {std::tuple{8, 0, false}, {8, 6, false}, {8, 9, true}, {12, 0, true}}) {
    set_capability(*backend_.device, major, minor);
    const std::string why = backend_.kernels->why_no_eight_bits();
    EXPECT_EQ(why.empty(), has) << major << '.' << minor;
    EXPECT_EQ(why.find("8.9 or newer") != std::string::npos, !has) << why;
  }
}

}  // namespace
}  // namespace trireme::test
