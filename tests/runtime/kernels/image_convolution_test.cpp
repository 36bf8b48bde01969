#include "runtime/kernels/image_kernels.h"
#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

struct Geometry {
  std::string name;
  Shape x;       // (N, H, W, C)
  Shape weight;  // (K, R, S, C / G)
  Window window;
  std::int64_t groups = 1;

  Shape y() const { return {x[0], window.height.out(x[1]), window.width.out(x[2]), weight[0]}; }
};

trireme::Side side(std::int64_t filter, std::int64_t stride, std::int64_t padding, std::int64_t dilation = 1) {
  return {.filter = filter, .stride = stride, .dilation = dilation, .before = padding, .after = padding};
}

const std::vector<Geometry>& geometries() {
  static const std::vector<Geometry> all{
      {"one_by_one", {2, 3, 5, 7}, {9, 1, 1, 7}, {}},
      {"one_by_one_stride", {2, 5, 6, 3}, {70, 1, 1, 3}, {side(1, 2, 0), side(1, 2, 0)}},
      {"valid", {1, 7, 6, 3}, {5, 3, 3, 3}, {side(3, 1, 0), side(3, 1, 0)}},
      {"same", {2, 9, 8, 17}, {66, 3, 3, 17}, {side(3, 1, 1), side(3, 1, 1)}},
      {"stride", {2, 9, 8, 5}, {6, 3, 3, 5}, {side(3, 2, 1), side(3, 2, 1)}},
      {"stem", {1, 16, 15, 3}, {8, 7, 7, 3}, {side(7, 2, 3), side(7, 2, 3)}},
      {"four_by_four", {2, 8, 8, 4}, {8, 4, 4, 4}, {side(4, 2, 1), side(4, 2, 1)}},
      {"rows_and_columns_differ", {2, 9, 7, 4}, {5, 2, 3, 4}, {side(2, 3, 0), {3, 1, 1, 0, 2}}},
      {"stride_beyond_filter", {1, 11, 10, 3}, {4, 2, 2, 3}, {side(2, 3, 0), side(2, 4, 0)}},
      {"dilated", {2, 9, 10, 3}, {4, 3, 3, 3}, {side(3, 1, 2, 2), side(3, 2, 2, 2)}},
      {"groups", {2, 6, 5, 6}, {8, 3, 3, 3}, {side(3, 1, 1), side(3, 1, 1)}, 2},
      {"depthwise", {2, 6, 7, 19}, {19, 3, 3, 1}, {side(3, 1, 1), side(3, 1, 1)}, 19},
      {"depthwise_stride", {1, 8, 7, 5}, {5, 3, 3, 1}, {side(3, 2, 1), side(3, 2, 0, 2)}, 5},
      {"more_filters_than_groups", {1, 5, 5, 3}, {6, 3, 3, 1}, {side(3, 2, 1), side(3, 1, 1)}, 3},
      {"deep", {1, 4, 4, 100}, {5, 3, 3, 100}, {side(3, 1, 1), side(3, 1, 1)}},
  };
  return all;
}

class ImageConvolution : public KernelTest {
 protected:
  // Sums of so many products, in fp32 from inputs of this dtype, rounded once.
  Tolerance sums() const { return 2 * one_rounding(); }
};
INSTANTIATE_TEST_SUITE_P(Backends, ImageConvolution, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(ImageConvolution, ForwardAgrees) {
  for (const Geometry& g : geometries())
    for (const float slope : {1.0f, 0.0f, 0.2f}) {
      Argument x = input(g.x), weight = input(g.weight), bias = input({g.weight[0]}), y = output(g.y());
      both([&](Kernels& k, test::Side s) {
        k.images().convolution(
            y[s], x[s], weight[s],
            {.window = g.window, .groups = g.groups, .bias = slope == 0.2f ? nullptr : &bias[s], .slope = slope});
      });
      EXPECT_TRUE(agrees(y, sums())) << g.name << " " << slope;
    }
}

TEST_P(ImageConvolution, InputGradientAgrees) {
  for (const Geometry& g : geometries())
    for (const bool transposed : {false, true}) {  // a transposed convolution adds a bias
      Argument dx = output(g.x), weight = input(g.weight), dy = input(g.y()), bias = input({g.x[3]});
      both([&](Kernels& k, test::Side s) {
        k.images().convolution_input(dx[s], dy[s], weight[s],
                                     {.window = g.window,
                                      .groups = g.groups,
                                      .bias = transposed ? &bias[s] : nullptr,
                                      .slope = transposed ? 0.2f : 1.0f});
      });
      EXPECT_TRUE(agrees(dx, sums())) << g.name << " " << transposed;
    }
}

TEST_P(ImageConvolution, WeightGradientAgrees) {
  for (const Geometry& g : geometries())
    for (const bool accumulate : {false, true}) {
      Argument x = input(g.x), dy = input(g.y()), dweight = gradient(g.weight, accumulate);
      both([&](Kernels& k, test::Side s) {
        k.images().convolution_weight(dweight[s], dy[s], x[s], {.window = g.window, .groups = g.groups}, accumulate);
      });
      EXPECT_TRUE(agrees(dweight, 2)) << g.name << " " << accumulate;
    }
}

TEST_P(ImageConvolution, SlopeGradAgrees) {
  for (const std::int64_t channels : {1, 3, 17, 65, 200})
    for (const bool accumulate : {false, true}) {
      const Shape shape{2, 3, 5, channels};
      Argument dy = input(shape), y = input(shape), dx = output(shape), dbias = gradient({channels}, accumulate);
      both([&](Kernels& k, test::Side s) { k.images().slope_grad(dx[s], dy[s], y[s], 0.2f, &dbias[s], accumulate); });
      EXPECT_TRUE(agrees(dx)) << channels;
      EXPECT_TRUE(agrees(dbias, 2)) << channels << " " << accumulate;
      both([&](Kernels& k, test::Side s) { k.images().slope_grad(dy[s], dy[s], y[s], 0.0f, nullptr, false); });
      EXPECT_TRUE(agrees(dy)) << channels;
    }
}

TEST_P(ImageConvolution, SeveralThreadsGiveTheSameBits) {
  const Geometry& g = geometries()[3];
  Argument x = input(g.x), weight = input(g.weight), dy = input(g.y());
  const Convolution how{.window = g.window};
  const auto run = [&](Kernels& k) {
    Tensor y = empty(device(), g.y(), dtype()), dx = empty(device(), g.x, dtype());
    Tensor dweight = empty(device(), g.weight, DType::f32), stats = empty(device(), {2, g.x[3]}, DType::f32);
    k.images().convolution(y, x[test::Side::tested], weight[test::Side::tested], how);
    k.images().convolution_input(dx, dy[test::Side::tested], weight[test::Side::tested], how);
    k.images().convolution_weight(dweight, dy[test::Side::tested], x[test::Side::tested], how, false);
    k.images().channel_stats(stats, x[test::Side::tested]);
    return std::vector<Tensor>{y, dx, dweight, stats};
  };
  const Backend more = GetParam().subject.make(3);
  const std::vector<Tensor> one = run(tested()), three = run(*more.kernels);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same_bits(one[i], three[i])) << i;
}

}  // namespace
}  // namespace trireme::test
