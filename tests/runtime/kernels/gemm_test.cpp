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
