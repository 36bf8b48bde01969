#include "runtime/kernels/image_kernels.h"
#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class ImageNorm : public KernelTest {
 protected:
  // mean and rstd (C) of x, in f32 for both sides.
  std::pair<Argument, Argument> statistics(Argument& x) {
    const std::int64_t channels = x[Side::oracle].size(-1), rows = x[Side::oracle].numel() / channels;
    Device& cpu = x[Side::oracle].device();
    Tensor stats = empty(cpu, {2, channels}, DType::f64), mean = empty(cpu, {channels}, DType::f64);
    Tensor rstd = empty(cpu, {channels}, DType::f64);
    oracle().images().channel_stats(stats, x[Side::oracle]);
    oracle().images().conclude_stats(mean, rstd, nullptr, nullptr, stats, {.rows = rows});
    return {input_of(values_of(mean), {channels}, DType::f32), input_of(values_of(rstd), {channels}, DType::f32)};
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, ImageNorm, ::testing::ValuesIn(every_dtype()), test_name);

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{{2, 3, 5, 1}, {1, 2, 2, 3}, {3, 4, 7, 17}, {2, 9, 8, 64}, {1, 3, 3, 200}};
  return all;
}

TEST_P(ImageNorm, StatisticsAgree) {
  for (const Shape& shape : shapes()) {
    Argument x = input(shape, {2, 6}), stats = output({2, shape[3]}, DType::f32);
    both([&](Kernels& k, Side s) { k.images().channel_stats(stats[s], x[s]); });
    EXPECT_TRUE(agrees(stats, 2)) << shape;
  }
}

TEST_P(ImageNorm, StatisticsFarFromZeroKeepTheirDigits) {
  Values values(3000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1000 + static_cast<double>(i / 3 % 2) * 8;
  Argument x = input_of(values, {10, 10, 10, 3}, dtype()), stats = output({2, 3}, DType::f32);
  both([&](Kernels& k, Side s) { k.images().channel_stats(stats[s], x[s]); });
  EXPECT_TRUE(agrees(stats, 2));
}

TEST_P(ImageNorm, PartsBecomeOne) {
  for (const std::int64_t parts : {1, 2, 3}) {
    constexpr std::int64_t channels = 17;
    Argument stats = input({parts, 2, channels}, DType::f32, {1, 3});
    Argument mean = output({channels}, DType::f32), rstd = output({channels}, DType::f32),
             again = output({channels}, DType::f32);
    Argument running_mean = input({channels}, DType::f32), running_variance = input({channels}, DType::f32, {1, 2});
    const StatsRule rule{.rows = 10, .epsilon = 1e-3f, .momentum = 0.3f};
    both([&](Kernels& k, Side s) {
      k.images().conclude_stats(mean[s], rstd[s], &running_mean[s], &running_variance[s], stats[s], rule);
      k.images().rstd_of(again[s], running_variance[s], 1e-3f);
    });
    EXPECT_TRUE(agrees(mean)) << parts;
    EXPECT_TRUE(agrees(rstd)) << parts;
    EXPECT_TRUE(agrees(running_mean)) << parts;
    EXPECT_TRUE(agrees(running_variance)) << parts;
    EXPECT_TRUE(agrees(again)) << parts;
  }
}

TEST_P(ImageNorm, NormAgrees) {
  for (const Shape& shape : shapes())
    for (const bool affine : {true, false})
      for (const bool added : {true, false})
        for (const float slope : {1.0f, 0.0f, 0.2f}) {
          Argument x = input(shape, {-1, 3}), weight = input({shape[3]}), bias = input({shape[3]}),
                   residual = input(shape);
          auto [mean, rstd] = statistics(x);
          Argument y = output(shape);
          both([&, &mean = mean, &rstd = rstd](Kernels& k, Side s) {
            k.images().channel_norm(y[s], x[s], mean[s], rstd[s],
                                    {.weight = affine ? &weight[s] : nullptr,
                                     .bias = affine ? &bias[s] : nullptr,
                                     .residual = added ? &residual[s] : nullptr,
                                     .slope = slope});
          });
          EXPECT_TRUE(agrees(y, one_rounding() + 1e-6)) << shape << " " << affine << added << slope;
        }
}

TEST_P(ImageNorm, GradientsAgree) {
  for (const Shape& shape : shapes())
    for (const bool fixed : {false, true})
      for (const float slope : {1.0f, 0.2f}) {
        Argument x = input(shape, {-1, 3}), dy = input(shape), y = input(shape), weight = input({shape[3]}, {0.5, 1});
        Argument bias = input({shape[3]}, {3, 4});  // so that no sign hangs on a rounding
        auto [mean, rstd] = statistics(x);
        Argument sums = output({2, shape[3]}, DType::f32), masked = output(shape), dx = output(shape);
        Argument sums_anew = output({2, shape[3]}, DType::f32);
        const std::int64_t rows = shape.numel() / shape[3];
        both([&, &mean = mean, &rstd = rstd](Kernels& k, Side s) {
          const ChannelNorm how{.weight = &weight[s], .bias = &bias[s], .slope = slope};
          k.images().channel_norm_sums(sums[s], &masked[s], dy[s], x[s], &y[s], mean[s], rstd[s], how);
          k.images().channel_norm_sums(sums_anew[s], nullptr, dy[s], x[s], nullptr, mean[s], rstd[s], how);
          k.images().channel_norm_grad(dx[s], dy[s], x[s], mean[s], rstd[s], fixed ? nullptr : &sums_anew[s], rows,
                                       how);
        });
        EXPECT_TRUE(agrees(sums, 4)) << shape << slope;
        EXPECT_TRUE(agrees(sums_anew, 4)) << shape << slope;
        EXPECT_TRUE(agrees(masked)) << shape << slope;
        EXPECT_TRUE(agrees(dx, one_rounding() + 1e-5)) << shape << fixed << slope;
      }
}

TEST_P(ImageNorm, GroupNormAgrees) {
  const std::vector<std::pair<Shape, std::int64_t>> all{
      {{2, 3, 5, 6}, 2}, {{2, 4, 4, 17}, 17}, {{3, 3, 3, 64}, 8}, {{1, 5, 5, 3}, 1}, {{1, 3, 4, 96}, 4}};
  for (const auto& [shape, groups] : all)
    for (const bool affine : {true, false})
      for (const bool accumulate : {false, true}) {
        Argument x = input(shape, {-1, 3}), weight = input({shape[3]}), bias = input({shape[3]}), dy = input(shape);
        Argument y = output(shape), dx = output(shape);
        Argument mean = output({shape[0], groups}, DType::f32), rstd = output({shape[0], groups}, DType::f32);
        Argument dweight = gradient({shape[3]}, accumulate), dbias = gradient({shape[3]}, accumulate);
        both([&, groups = groups](Kernels& k, Side s) {
          const GroupNorm how{
              .groups = groups, .weight = affine ? &weight[s] : nullptr, .bias = affine ? &bias[s] : nullptr};
          k.images().group_norm(y[s], mean[s], rstd[s], x[s], how);
          k.images().group_norm_grad(dx[s], affine ? &dweight[s] : nullptr, affine ? &dbias[s] : nullptr, dy[s], x[s],
                                     mean[s], rstd[s], how, accumulate);
        });
        EXPECT_TRUE(agrees(y, one_rounding() + 1e-6)) << shape << groups;
        EXPECT_TRUE(agrees(mean, 2)) << shape;
        EXPECT_TRUE(agrees(rstd, 2)) << shape;
        EXPECT_TRUE(agrees(dx, one_rounding() + 1e-5)) << shape << groups << affine;
        if (affine) {
          EXPECT_TRUE(agrees(dweight, 4)) << shape << groups;
          EXPECT_TRUE(agrees(dbias, 4)) << shape << groups;
        }
      }
}

}  // namespace
}  // namespace trireme::test
