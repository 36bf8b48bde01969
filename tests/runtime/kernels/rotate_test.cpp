#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Rotate : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Rotate, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Rotate, AgreesForEveryShapeAndPosition) {
  // Few and many heads, widths that packs divide and others; positions as far as long contexts go.
  for (const Shape& shape : {Shape{2, 5, 8, 16}, Shape{1, 3, 3, 2}, Shape{3, 7, 5, 6}, Shape{1, 2, 4, 128},
                             Shape{2, 3, 300, 8}, Shape{1, 2, 1, 1036}}) {
    for (std::int64_t first : {0, 4093, 1000000}) {
      for (float base : {10000.0f, 500000.0f}) {
        for (std::int64_t heads : {std::int64_t{0}, (shape[2] + 1) / 2, shape[2]}) {
          Rotation how{.heads = heads, .base = base, .first = first, .inverse = heads % 2 == 0};
          Argument x = input(shape), y = output(shape);
          both([&](Kernels& k, Side s) { k.rotate(y[s], x[s], how); });
          EXPECT_TRUE(agrees(y)) << shape << " from " << first << " base " << base << " heads " << heads;
          both([&](Kernels& k, Side s) { k.rotate(x[s], x[s], how); });
          EXPECT_TRUE(agrees(x)) << "in place " << shape << " from " << first;
        }
      }
    }
  }
}

TEST_P(Rotate, OfManyRows) {
  Argument x = input({2, 1500, 3, 16}), y = output({2, 1500, 3, 16});
  both([&](Kernels& k, Side s) { k.rotate(y[s], x[s], {.heads = 2}); });
  EXPECT_TRUE(agrees(y));
}

TEST_P(Rotate, BackIsWhereItWas) {
  Argument x = input({1, 9, 2, 32}), y = output({1, 9, 2, 32}), again = output({1, 9, 2, 32});
  both([&](Kernels& k, Side s) {
    k.rotate(y[s], x[s], {.heads = 2, .first = 77});
    k.rotate(again[s], y[s], {.heads = 2, .first = 77, .inverse = true});
  });
  EXPECT_TRUE(close(again[Side::tested], x[Side::tested], 3 * one_rounding()));
}

// Whoever computes a token, in whatever part of a sequence, turns it alike.
TEST_P(Rotate, DependsOnThePositionAlone) {
  const Tensor whole = random_tensor(device(), {1, 12, 2, 16}, dtype(), 1);
  Tensor y = empty_like(whole);
  tested().rotate(y, whole, {.heads = 2});
  const Tensor end = whole.view({12, 32}).rows(7, 12).view({1, 5, 2, 16});
  Tensor part = empty(device(), end.shape(), dtype());
  Tensor moved = empty_like(end);
  tested().cast(moved, end);
  tested().rotate(part, moved, {.heads = 2, .first = 7});
  const Values got = values_of(part), want = values_of(y.view({12, 32}).rows(7, 12));
  EXPECT_EQ(got, want);
}

TEST_P(Rotate, OfNothing) {
  Tensor none = empty(device(), {0, 4, 2, 8}, dtype());
  tested().rotate(none, none, {.heads = 2});
}

}  // namespace
}  // namespace trireme::test
