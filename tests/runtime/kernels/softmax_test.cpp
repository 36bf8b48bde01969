#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Softmax : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Softmax, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Softmax, AgreesAlsoInPlace) {
  for (bool log : {false, true}) {
    for (std::int64_t rows : {1, 3, 17}) {
      for (std::int64_t columns : odd_sizes) {
        Argument x = input({rows, columns}, {-5, 5}), y = output({rows, columns});
        both([&](Kernels& k, Side s) { k.softmax(y[s], x[s], log); });
        EXPECT_TRUE(agrees(y, one_rounding() + (columns == 1 ? 1e-6 : 0))) << rows << " x " << columns;
        both([&](Kernels& k, Side s) { k.softmax(x[s], x[s], log); });
        EXPECT_TRUE(agrees(x, one_rounding() + (columns == 1 ? 1e-6 : 0))) << "in place " << columns;
      }
    }
  }
}

TEST_P(Softmax, WorksOverTheLastOfSeveralDimensions) {
  Argument x = input({2, 3, 5, 17}), y = output({2, 3, 5, 17});
  both([&](Kernels& k, Side s) { k.softmax(y[s], x[s], false); });
  EXPECT_TRUE(agrees(y));
}

TEST_P(Softmax, StandsLargeLogits) {
  const Values values{60000, 59000, -60000, 0, -60000, -60000, -60000, -60000, 100, 88, -100, 12, 1, 1, 1, 1};
  for (bool log : {false, true}) {
    Argument x = input_of(values, {4, 4}, dtype()), y = output({4, 4});
    both([&](Kernels& k, Side s) { k.softmax(y[s], x[s], log); });
    const double largest = dtype() == DType::f16 ? 65504 : 1e30;  // -120000 does not fit into f16
    Values got = values_of(y[Side::tested]), want = values_of(y[Side::oracle]);
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (want[i] < -largest) want[i] = -HUGE_VAL;
      EXPECT_TRUE(close(Values{got[i]}, Values{want[i]}, {one_rounding().relative, 1e-6})) << log << " element " << i;
    }
  }
}

TEST_P(Softmax, MaskedEntriesGetNothing) {
  const Values values{-HUGE_VAL, 0, 1, -HUGE_VAL};
  Tensor y = empty(device(), {1, 4}, dtype());
  tested().softmax(y, tensor_of(device(), values, {1, 4}, dtype()), false);
  const Values got = values_of(y);
  EXPECT_EQ(got[0], 0);
  EXPECT_EQ(got[3], 0);
  EXPECT_NEAR(got[1] + got[2], 1, 2 * one_rounding().relative);
}

TEST_P(Softmax, GradientAgreesAlsoInPlace) {
  for (bool log : {false, true}) {
    for (std::int64_t rows : {1, 3, 17}) {
      for (std::int64_t columns : odd_sizes) {
        const Shape shape{rows, columns};
        Argument x = input(shape, {-5, 5}), dy = input(shape), dx = output(shape);
        Tensor exact = empty_like(x[Side::oracle]);
        oracle().softmax(exact, x[Side::oracle], log);
        Argument y = input_of(values_of(exact), shape, dtype());
        both([&](Kernels& k, Side s) { k.softmax_grad(dx[s], dy[s], y[s], log); });
        const Tolerance tolerance = one_rounding() + 1e-6;  // cancels at one column
        EXPECT_TRUE(agrees(dx, tolerance)) << log << " " << rows << " x " << columns;
        both([&](Kernels& k, Side s) { k.softmax_grad(dy[s], dy[s], y[s], log); });
        EXPECT_TRUE(agrees(dy, tolerance)) << log << " in place " << rows << " x " << columns;
      }
    }
  }
}

}  // namespace
}  // namespace trireme::test
