#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Reductions : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Reductions, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Reductions, SumsAgree) {
  for (std::int64_t size : {1, 3, 17, 63, 65, 1000, 70001}) {
    Argument x = input({size}, {-1, 1.5}), total = output({}, DType::f32), squares = output({}, DType::f64);
    both([&](Kernels& k, Side s) {
      k.sum(total[s], x[s]);
      k.sum_squares(squares[s], x[s]);
    });
    EXPECT_TRUE(agrees(total, Tolerance{1e-6, 0})) << size;
    EXPECT_TRUE(agrees(squares, Tolerance{1e-9, 0})) << size;
  }
}

TEST_P(Reductions, SumAccumulatesInDouble) {
  // In fp32 the ones would vanish next to 2^24 and the big numbers would not cancel.
  Values values(4001, 1.0);
  values[0] = 65504 * 0x1p-2;
  values[4000] = -65504 * 0x1p-2;
  if (dtype() != DType::f16) values[0] = 0x1p40, values[4000] = -0x1p40;
  const Tensor x = tensor_of(device(), values, {4001}, dtype());
  Tensor y = empty(device(), {}, DType::f32);
  tested().sum(y, x);
  EXPECT_EQ(values_of(y)[0], 3999);
}

TEST_P(Reductions, SumSquaresDoesNotOverflowAndShowsNonFiniteElements) {
  const double large = dtype() == DType::f16 ? 60000 : 1e30;
  Tensor y = empty(device(), {}, DType::f64);
  tested().sum_squares(y, tensor_of(device(), {large, large}, {2}, dtype()));
  const double rounded = values_of(tensor_of(device(), {large}, {1}, dtype()))[0];
  EXPECT_NEAR(values_of(y)[0] / (2 * rounded * rounded), 1, 1e-12);
  for (double bad : {HUGE_VAL, -HUGE_VAL, static_cast<double>(NAN)}) {
    for (std::int64_t size : odd_sizes) {
      for (std::int64_t at : {std::int64_t{0}, size / 2, size - 1}) {
        Values values = random_values(size, 3);
        values[static_cast<std::size_t>(at)] = bad;
        tested().sum_squares(y, tensor_of(device(), values, {size}, dtype()));
        EXPECT_FALSE(std::isfinite(values_of(y)[0])) << bad << " at " << at << " of " << size;
      }
    }
  }
}

TEST_P(Reductions, ColumnSumAgrees) {
  for (std::int64_t rows : odd_sizes) {
    for (std::int64_t columns : odd_sizes) {
      for (bool accumulate : {false, true}) {
        Argument x = input({rows, columns}), y = gradient({columns}, accumulate);
        both([&](Kernels& k, Side s) { k.column_sum(y[s], x[s], accumulate); });
        EXPECT_TRUE(agrees(y)) << rows << " x " << columns << " " << accumulate;
      }
    }
  }
}

TEST_P(Reductions, ArgmaxIsTheFirstLargestColumn) {
  for (std::int64_t rows : {1, 3, 17}) {
    for (std::int64_t columns : odd_sizes) {
      Argument x = integers({rows, columns}, dtype()), y = output({rows}, DType::i32);  // many equal ones
      both([&](Kernels& k, Side s) { k.argmax(y[s], x[s]); });
      EXPECT_TRUE(agrees(y, Tolerance{})) << rows << " x " << columns;
    }
  }
  const Values rows{-HUGE_VAL, -5, -HUGE_VAL, -5, -HUGE_VAL, -HUGE_VAL, HUGE_VAL, 1};
  Tensor y = empty(device(), {2}, DType::i32);
  tested().argmax(y, tensor_of(device(), rows, {2, 4}, dtype()));
  EXPECT_EQ(values_of(y), (Values{1, 2}));
}

}  // namespace
}  // namespace trireme::test
