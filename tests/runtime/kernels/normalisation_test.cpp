#include <tuple>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

constexpr float epsilon = 1e-5f;

class Normalisation : public KernelTest {
 protected:
  // mean and rstd of x as a forward pass of the reference stores them, in f32 for both sides.
  std::pair<Argument, Argument> statistics(Argument& x, bool centred) {
    const std::int64_t rows = x[Side::oracle].size(0), columns = x[Side::oracle].size(1);
    Tensor y = empty_like(x[Side::oracle]);
    Tensor mean = empty(y.device(), {rows}, DType::f64), rstd = empty_like(mean);
    const Tensor ones = tensor_of(y.device(), Values(static_cast<std::size_t>(columns), 1.0), {columns}, DType::f64);
    oracle().fill(mean, 0);
    if (centred)
      oracle().layer_norm(y, mean, rstd, x[Side::oracle], nullptr, nullptr, ones, ones, epsilon);
    else
      oracle().rms_norm(y, rstd, x[Side::oracle], nullptr, nullptr, ones, epsilon);
    return {input_of(values_of(mean), {rows}, DType::f32), input_of(values_of(rstd), {rows}, DType::f32)};
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Normalisation, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Normalisation, LayerNormAgrees) {
  for (std::int64_t rows : {1, 3, 17}) {
    for (std::int64_t columns : odd_sizes) {
      Argument x = input({rows, columns}, {-1, 3}), weight = input({columns}), bias = input({columns});
      Argument y = output({rows, columns}), mean = output({rows}, DType::f32), rstd = output({rows}, DType::f32);
      both([&](Kernels& k, Side s) {
        k.layer_norm(y[s], mean[s], rstd[s], x[s], nullptr, nullptr, weight[s], bias[s], epsilon);
      });
      EXPECT_TRUE(agrees(y)) << rows << " x " << columns;
      EXPECT_TRUE(agrees(mean)) << rows << " x " << columns;
      EXPECT_TRUE(agrees(rstd)) << rows << " x " << columns;
    }
  }
}

TEST_P(Normalisation, RmsNormAgrees) {
  for (std::int64_t rows : {1, 3, 17}) {
    for (std::int64_t columns : odd_sizes) {
      Argument x = input({rows, columns}, {-1, 3}), weight = input({columns});
      Argument y = output({rows, columns}), rstd = output({rows}, DType::f32);
      both([&](Kernels& k, Side s) { k.rms_norm(y[s], rstd[s], x[s], nullptr, nullptr, weight[s], epsilon); });
      EXPECT_TRUE(agrees(y)) << rows << " x " << columns;
      EXPECT_TRUE(agrees(rstd)) << rows << " x " << columns;
    }
  }
}

TEST_P(Normalisation, ResidualIsStoredAndNormalised) {
  for (std::int64_t columns : {3, 17, 63, 65, 1000}) {
    const Shape shape{5, columns};
    Argument x = input(shape, {-1, 3}), residual = input(shape), weight = input({columns}), bias = input({columns});
    Argument y = output(shape), sum = output(shape), mean = output({5}, DType::f32), rstd = output({5}, DType::f32);
    Argument y_rms = output(shape), sum_rms = output(shape), rstd_rms = output({5}, DType::f32);
    both([&](Kernels& k, Side s) {
      k.layer_norm(y[s], mean[s], rstd[s], x[s], &residual[s], &sum[s], weight[s], bias[s], epsilon);
      k.rms_norm(y_rms[s], rstd_rms[s], x[s], &residual[s], &sum_rms[s], weight[s], epsilon);
    });
    EXPECT_TRUE(agrees(sum)) << columns;
    EXPECT_TRUE(agrees(sum_rms)) << columns;
    // The sum is rounded before it is normalised, and its largest elements are a few deviations from the mean.
    EXPECT_TRUE(agrees(y, 4 * one_rounding())) << columns;
    EXPECT_TRUE(agrees(y_rms, 4 * one_rounding())) << columns;
    EXPECT_TRUE(agrees(mean, 2 * one_rounding())) << columns;
    EXPECT_TRUE(agrees(rstd, 2 * one_rounding())) << columns;
    EXPECT_TRUE(agrees(rstd_rms, 2 * one_rounding())) << columns;
  }
}

TEST_P(Normalisation, RowsWithoutVarianceAndFarFromZeroStayFinite) {
  constexpr std::int64_t columns = 65;
  Values values(4 * columns);
  for (std::size_t c = 0; c < columns; ++c) {
    values[c] = 0;                                                    // nothing at all
    values[columns + c] = 7;                                          // no variance
    values[2 * columns + c] = 1000 + static_cast<double>(c % 2) * 8;  // cancels badly if squares are subtracted
    values[3 * columns + c] = c == 3 ? 30000 : 0;                     // one outlier
  }
  Argument x = input_of(values, {4, columns}, dtype()), weight = input({columns}), bias = input({columns});
  Argument y = output({4, columns}), mean = output({4}, DType::f32), rstd = output({4}, DType::f32);
  both([&](Kernels& k, Side s) {
    k.layer_norm(y[s], mean[s], rstd[s], x[s], nullptr, nullptr, weight[s], bias[s], epsilon);
  });
  EXPECT_TRUE(agrees(y));
  EXPECT_TRUE(agrees(mean));
  EXPECT_TRUE(agrees(rstd));
  both([&](Kernels& k, Side s) { k.rms_norm(y[s], rstd[s], x[s], nullptr, nullptr, weight[s], epsilon); });
  EXPECT_TRUE(agrees(y));
  EXPECT_TRUE(agrees(rstd));
}

TEST_P(Normalisation, LayerNormGradAgrees) {
  for (std::int64_t rows : {1, 3, 65}) {
    for (std::int64_t columns : odd_sizes) {
      for (bool accumulate : {false, true}) {
        for (bool with_add : {false, true}) {
          const Shape shape{rows, columns};
          Argument x = input(shape, {-1, 3}), dy = input(shape), weight = input({columns}), add = input(shape);
          Argument dx = output(shape);
          Argument dweight = gradient({columns}, accumulate), dbias = gradient({columns}, accumulate);
          auto [mean, rstd] = statistics(x, true);
          both([&](Kernels& k, Side s) {
            k.layer_norm_grad(dx[s], dweight[s], dbias[s], dy[s], x[s], mean[s], rstd[s], weight[s],
                              with_add ? &add[s] : nullptr, accumulate);
          });
          EXPECT_TRUE(agrees(dx, one_rounding() + (columns == 1 ? 1e-3 : 0))) << rows << " x " << columns;
          EXPECT_TRUE(agrees(dweight)) << rows << " x " << columns << " " << accumulate;
          EXPECT_TRUE(agrees(dbias)) << rows << " x " << columns << " " << accumulate;
        }
      }
    }
  }
}

TEST_P(Normalisation, RmsNormGradAgrees) {
  for (std::int64_t rows : {1, 3, 65}) {
    for (std::int64_t columns : odd_sizes) {
      for (bool accumulate : {false, true}) {
        for (bool with_add : {false, true}) {
          const Shape shape{rows, columns};
          Argument x = input(shape, {-1, 3}), dy = input(shape), weight = input({columns}), add = input(shape);
          Argument dx = output(shape), dweight = gradient({columns}, accumulate);
          Argument rstd = statistics(x, false).second;
          both([&](Kernels& k, Side s) {
            k.rms_norm_grad(dx[s], dweight[s], dy[s], x[s], rstd[s], weight[s], with_add ? &add[s] : nullptr,
                            accumulate);
          });
          EXPECT_TRUE(agrees(dx, one_rounding() + (columns == 1 ? 1e-3 : 0))) << rows << " x " << columns;
          EXPECT_TRUE(agrees(dweight)) << rows << " x " << columns << " " << accumulate;
        }
      }
    }
  }
}

TEST_P(Normalisation, GradientsGoOverTheResidualGradient) {
  const Shape shape{17, 65};
  Argument x = input(shape), dy = input(shape), weight = input({65}), add = input(shape), add_rms = input(shape);
  Argument dweight = output({65}, DType::f32), dbias = output({65}, DType::f32);
  auto [mean, rstd] = statistics(x, true);
  both([&](Kernels& k, Side s) {
    k.layer_norm_grad(add[s], dweight[s], dbias[s], dy[s], x[s], mean[s], rstd[s], weight[s], &add[s], false);
  });
  EXPECT_TRUE(agrees(add));
  both([&](Kernels& k, Side s) {
    k.rms_norm_grad(add_rms[s], dweight[s], dy[s], x[s], rstd[s], weight[s], &add_rms[s], false);
  });
  EXPECT_TRUE(agrees(add_rms));
}

}  // namespace
}  // namespace trireme::test
