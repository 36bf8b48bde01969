#include <cmath>

#include "runtime/kernels/image_kernels.h"
#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

struct Pool {
  Shape x;
  Window window;

  Shape y() const { return {x[0], window.height.out(x[1]), window.width.out(x[2]), x[3]}; }
};
const std::vector<Pool>& pools() {
  static const std::vector<Pool> all{
      {{2, 8, 6, 3}, {{2, 2}, {2, 2}}},           {{2, 9, 7, 17}, {{3, 2, 1, 1, 1}, {3, 2, 1, 1, 1}}},
      {{1, 5, 6, 65}, {{3, 1, 1, 1, 1}, {2, 3}}}, {{1, 9, 9, 4}, {{2, 1, 3}, {3, 2, 2, 1, 1}}},
      {{1, 7, 5, 2}, {{2, 3}, {1, 2}}},
  };
  return all;
}

class ImagePooling : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, ImagePooling, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(ImagePooling, TheLargestIsFoundAndItsPlace) {
  for (const Pool& p : pools()) {
    Argument x = input(p.x), y = output(p.y()), where = output(p.y(), DType::u8);
    both([&](Kernels& k, Side s) { k.images().max_pool(y[s], where[s], x[s], p.window); });
    EXPECT_TRUE(agrees(y, Tolerance{})) << p.x;
    EXPECT_TRUE(where.guarded().intact() && same_bits(where[Side::tested], where[Side::oracle])) << p.x;
    Argument dy = input(p.y()), dx = output(p.x);
    both([&](Kernels& k, Side s) { k.images().max_pool_grad(dx[s], dy[s], where[s], p.window); });
    EXPECT_TRUE(agrees(dx)) << p.x;
  }
}

TEST_P(ImagePooling, OfEqualOnesTheFirstAndNaNBeforeAll) {
  Argument x = input_of({1, 1, 1, 1, 2, NAN, -1, NAN, -5, -5, -INFINITY, -INFINITY}, {3, 2, 2, 1}, dtype());
  Argument y = output({3, 1, 1, 1}), where = output({3, 1, 1, 1}, DType::u8);
  both([&](Kernels& k, Side s) { k.images().max_pool(y[s], where[s], x[s], {{2, 2}, {2, 2}}); });
  EXPECT_TRUE(agrees(y, Tolerance{}));
  const std::vector<std::uint8_t> places = to_host<std::uint8_t>(where[Side::tested]);
  EXPECT_EQ(places[0], 0);
  EXPECT_TRUE(std::isnan(values_of(y[Side::tested])[1]));
  EXPECT_EQ(places[2], 0);
}

TEST_P(ImagePooling, AveragesAgree) {
  for (const Pool& p : pools()) {
    Argument x = input(p.x), y = output(p.y()), dy = input(p.y()), dx = output(p.x);
    both([&](Kernels& k, Side s) {
      k.images().average_pool(y[s], x[s], p.window);
      k.images().average_pool_grad(dx[s], dy[s], p.window);
    });
    EXPECT_TRUE(agrees(y)) << p.x;
    EXPECT_TRUE(agrees(dx)) << p.x;
  }
}

TEST_P(ImagePooling, AdaptiveAveragesAgree) {
  const std::vector<std::pair<Shape, Shape>> all{{{2, 7, 7, 33}, {2, 1, 1, 33}},
                                                 {{2, 7, 5, 3}, {2, 3, 2, 3}},
                                                 {{1, 3, 4, 5}, {1, 6, 6, 5}},
                                                 {{1, 4, 4, 2}, {1, 4, 2, 2}}};
  for (const auto& [from, to] : all) {
    Argument x = input(from), y = output(to), dy = input(to), dx = output(from);
    both([&](Kernels& k, Side s) {
      k.images().adaptive_average_pool(y[s], x[s]);
      k.images().adaptive_average_pool_grad(dx[s], dy[s]);
    });
    EXPECT_TRUE(agrees(y)) << from << " " << to;
    EXPECT_TRUE(agrees(dx)) << from << " " << to;
  }
}

TEST_P(ImagePooling, ResamplingAgrees) {
  const std::vector<std::pair<Shape, Shape>> all{{{2, 3, 4, 17}, {2, 6, 8, 17}},
                                                 {{1, 5, 3, 4}, {1, 7, 8, 4}},
                                                 {{1, 6, 6, 3}, {1, 3, 4, 3}},
                                                 {{1, 1, 2, 65}, {1, 4, 3, 65}}};
  for (const auto& [from, to] : all)
    for (const Resampling how : {Resampling::nearest, Resampling::bilinear}) {
      Argument x = input(from), y = output(to), dy = input(to), dx = output(from);
      both([&](Kernels& k, Side s) {
        k.images().resample(y[s], x[s], how);
        k.images().resample_grad(dx[s], dy[s], how);
      });
      EXPECT_TRUE(agrees(y)) << from << " " << to;
      EXPECT_TRUE(agrees(dx)) << from << " " << to;
    }
}

}  // namespace
}  // namespace trireme::test
