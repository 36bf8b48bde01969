#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

struct Size {
  std::int64_t m, n, k;
};

class GemmTest : public KernelTest {
 protected:
  Shape a_shape(Size size, bool transpose) { return transpose ? Shape{size.k, size.m} : Shape{size.m, size.k}; }
  Shape b_shape(Size size, bool transpose) { return transpose ? Shape{size.n, size.k} : Shape{size.k, size.n}; }

  // Where there are no products in 8 bits, they are refused.
  bool has_eight_bits() {
    if (tested().why_no_eight_bits().empty()) return true;
    Argument a = input({16, 16}), c = output({16, 16});
    const Gemm how{.a_format = EightBits::e4m3, .b_format = EightBits::e4m3};
    EXPECT_THROW(tested().gemm(c[Side::tested], a[Side::tested], a[Side::tested], how), Error);
    return false;
  }
  // A GPU keeps the sums of such products in less than fp32.
  Tolerance eight_bit_sums() const {
    const Tolerance rounding = one_rounding();
    return device().type() == DeviceType::cuda ? Tolerance{rounding.relative + 0x1p-11, rounding.absolute} : rounding;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, GemmTest, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(GemmTest, AgreesForEveryTransposeAndOddSizes) {
  const Size sizes[] = {{1, 1, 1},    {1, 3, 17},    {3, 1, 65},    {17, 63, 1},   {63, 65, 17},
                        {65, 17, 63}, {3, 1000, 17}, {65, 3, 1000}, {130, 70, 129}};
  for (const Size& size : sizes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      const bool ta = transposes & 1, tb = transposes & 2;
      Argument a = input(a_shape(size, ta)), b = input(b_shape(size, tb)), c = output({size.m, size.n});
      both([&](Kernels& k, Side s) { k.gemm(c[s], a[s], b[s], {.transpose_a = ta, .transpose_b = tb}); });
      EXPECT_TRUE(agrees(c)) << size.m << " x " << size.n << " x " << size.k << " transposes " << transposes;
    }
  }
}

TEST_P(GemmTest, IntegersComeOutExactly) {
  for (int transposes = 0; transposes < 4; ++transposes) {
    const Size size{65, 63, 1000};
    const bool ta = transposes & 1, tb = transposes & 2;
    Argument a = integers(a_shape(size, ta), dtype()), b = integers(b_shape(size, tb), dtype());
    Argument c = output({size.m, size.n}, DType::f32);
    both([&](Kernels& k, Side s) { k.gemm(c[s], a[s], b[s], {.transpose_a = ta, .transpose_b = tb}); });
    EXPECT_TRUE(agrees(c, Tolerance{})) << "transposes " << transposes;
  }
}

// Values of different sizes in one tensor: those far below the largest are evenly spaced, or lost.
TEST_P(GemmTest, RoundsFactorsToEightBits) {
  if (!has_eight_bits()) return;
  const Size size{48, 32, 80};
  for (EightBits format : {EightBits::e4m3, EightBits::e5m2}) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      const bool ta = transposes & 1, tb = transposes & 2;
      Values spread = random_values(size.m * size.k, 3);
      for (std::size_t i = 0; i < spread.size(); ++i) spread[i] = std::ldexp(spread[i], -static_cast<int>(i % 23));
      Argument a = input_of(spread, a_shape(size, ta), dtype()), b = input(b_shape(size, tb), {-300, 300});
      Argument c = output({size.m, size.n}), plain = output({size.m, size.n});
      both([&](Kernels& k, Side s) {
        k.gemm(c[s], a[s], b[s],
               {.transpose_a = ta, .transpose_b = tb, .a_format = format, .b_format = EightBits::e4m3});
        k.gemm(plain[s], a[s], b[s], {.transpose_a = ta, .transpose_b = tb});
      });
      EXPECT_TRUE(agrees(c, eight_bit_sums())) << "transposes " << transposes;
      EXPECT_FALSE(close(c[Side::tested], plain[Side::tested], eight_bit_sums())) << "nothing was rounded";
      EXPECT_TRUE(close(c[Side::tested], plain[Side::tested], Tolerance{0.5, 0})) << "transposes " << transposes;
    }
  }
}

// Where the power of two changes: half the format's largest number and what is beside it.
TEST_P(GemmTest, ScalesToTheFormatsLargestNumber) {
  if (!has_eight_bits()) return;
  for (double largest : {0.875, 0.8828125, 448.0, 450.0, 3.0e-5, 0.0}) {
    Values values = random_values(16 * 16, 4, {-largest, largest});
    values[17] = -largest;
    Argument a = input_of(values, {16, 16}, dtype()), b = input({16, 16}), c = output({16, 16});
    both([&](Kernels& k, Side s) {
      k.gemm(c[s], a[s], b[s], {.a_format = EightBits::e4m3, .b_format = EightBits::e4m3});
    });
    EXPECT_TRUE(agrees(c, eight_bit_sums())) << largest;
  }
}

TEST_P(GemmTest, LosesNothingThatIsNotFiniteInEightBits) {
  if (!has_eight_bits()) return;
  for (double odd : {double{HUGE_VAL}, std::nan("")}) {
    Values values = random_values(16 * 16, 5);
    values[40] = odd;  // of row 2
    Argument a = input_of(values, {16, 16}, dtype()), b = input({16, 16}), c = output({16, 16});
    both([&](Kernels& k, Side s) {
      k.gemm(c[s], a[s], b[s], {.a_format = EightBits::e5m2, .b_format = EightBits::e4m3});
    });
    EXPECT_TRUE(agrees(c, eight_bit_sums())) << odd;
    EXPECT_TRUE(std::isnan(values_of(c[Side::tested])[2 * 16])) << odd;
  }
}

// The parts of a tensor may have scales of their own: since those are powers of two, the sum of the parts' products is
// the whole's but for elements below 2^-13 of the largest.
TEST_P(GemmTest, PartsWithScalesOfTheirOwnMakeTheWhole) {
  if (!has_eight_bits()) return;
  const Size size{32, 48, 64};
  const std::int64_t half = size.k / 2;
  Values left = random_values(size.m * size.k, 6), first, second;
  for (std::int64_t i = 0; i < size.m * size.k; ++i) {
    const bool low = i % size.k < half;
    auto& value = left[static_cast<std::size_t>(i)];
    if (low) value *= 0x1p-6;
    (low ? first : second).push_back(value);
  }
  const Values right = random_values(size.n * size.k, 7);
  Values right_first(right.begin(), right.begin() + static_cast<std::ptrdiff_t>(half * size.n)),
      right_second(right.begin() + static_cast<std::ptrdiff_t>(half * size.n), right.end());
  const auto product = [&](const Values& a, const Values& b, std::int64_t depth) {
    Tensor c = tensor_of(device(), Values(static_cast<std::size_t>(size.m * size.n)), {size.m, size.n}, DType::f32);
    tested().gemm(c, tensor_of(device(), a, {size.m, depth}, dtype()), tensor_of(device(), b, {depth, size.n}, dtype()),
                  {.a_format = EightBits::e4m3, .b_format = EightBits::e4m3});
    return values_of(c);
  };
  Values sum = product(first, right_first, half);
  const Values rest = product(second, right_second, half), whole = product(left, right, size.k);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rest[i];
  EXPECT_TRUE(close(sum, whole, Tolerance{eight_bit_sums().relative - one_rounding().relative + 0x1p-14, 0}));
}

TEST_P(GemmTest, AddsToF32GradientsOf16BitInputs) {
  const Size size{17, 65, 63};
  for (float beta : {0.0f, 1.0f, -0.5f}) {
    for (float alpha : {1.0f, 0.125f}) {
      for (DType result : {dtype(), DType::f32}) {
        Argument a = input({size.k, size.m}), b = input({size.k, size.n});
        Argument c = beta == 0 ? output({size.m, size.n}, result) : input({size.m, size.n}, result);
        both(
            [&](Kernels& k, Side s) { k.gemm(c[s], a[s], b[s], {.transpose_a = true, .alpha = alpha, .beta = beta}); });
        EXPECT_TRUE(agrees(c)) << "alpha " << alpha << " beta " << beta << " into " << result;
      }
    }
  }
}

TEST_P(GemmTest, FusesBiasAndEveryActivation) {
  for (Activation activation : {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::gelu,
                                Activation::silu, Activation::sigmoid, Activation::tanh}) {
    for (bool with_bias : {false, true}) {
      for (bool keep_input : {false, true}) {
        for (const Size& size : {Size{3, 65, 17}, Size{65, 1, 63}, Size{17, 1000, 3}}) {
          Argument a = input({size.m, size.k}), b = input({size.n, size.k}), bias = input({size.n});
          Argument c = output({size.m, size.n}), before = output({size.m, size.n});
          both([&](Kernels& k, Side s) {
            k.gemm(c[s], a[s], b[s],
                   {.transpose_b = true,
                    .bias = with_bias ? &bias[s] : nullptr,
                    .activation = activation,
                    .preactivation = keep_input ? &before[s] : nullptr});
          });
          // The activation may take its input as kept, that is rounded once more.
          EXPECT_TRUE(agrees(c, keep_input ? 2 : 1)) << name_of(activation) << " " << size.n;
          if (keep_input) {
            EXPECT_TRUE(agrees(before)) << name_of(activation) << " " << size.n;
          }
        }
      }
    }
  }
}

TEST_P(GemmTest, EverythingAtOnce) {
  const Size size{33, 65, 130};
  Argument a = input({size.k, size.m}), b = input({size.n, size.k}), bias = input({size.n});
  Argument c = input({size.m, size.n}), before = output({size.m, size.n});
  both([&](Kernels& k, Side s) {
    k.gemm(c[s], a[s], b[s],
           {.transpose_a = true,
            .transpose_b = true,
            .alpha = 0.25f,
            .beta = 0.5f,
            .bias = &bias[s],
            .activation = Activation::gelu,
            .preactivation = &before[s]});
  });
  EXPECT_TRUE(agrees(c, 2));
  EXPECT_TRUE(agrees(before));
}

TEST_P(GemmTest, AnEmptyInnerDimensionGivesTheBias) {
  Argument a = input({3, 0}), b = input({0, 17}), bias = input({17}), c = output({3, 17});
  both([&](Kernels& k, Side s) { k.gemm(c[s], a[s], b[s], {.bias = &bias[s]}); });
  EXPECT_TRUE(agrees(c));
}

}  // namespace
}  // namespace trireme::test
