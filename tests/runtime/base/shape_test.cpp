#include "runtime/base/shape.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace trireme::test {
namespace {

TEST(Shapes, AScalarHasOneElement) {
  EXPECT_EQ(Shape{}.dims(), 0);
  EXPECT_EQ(Shape{}.numel(), 1);
}

TEST(Shapes, SizesCountFromBothEnds) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape.dims(), 3);
  EXPECT_EQ(shape.numel(), 30);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[2], 5);
  EXPECT_EQ(shape[-1], 5);
  EXPECT_EQ(shape[-3], 2);
  EXPECT_THROW(shape[3], Error);
  EXPECT_THROW(shape[-4], Error);
  EXPECT_THROW(Shape{}[-1], Error);
}

TEST(Shapes, ZeroSizesAreAllowedAndNegativeOnesAreNot) {
  EXPECT_EQ((Shape{3, 0, 5}.numel()), 0);
  EXPECT_THROW((Shape{3, -1}), Error);
}

TEST(Shapes, SixDimensionsAtMost) {
  EXPECT_EQ((Shape{1, 2, 1, 2, 1, 2}.dims()), 6);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), Error);
  const std::vector<std::int64_t> sizes{4, 6};
  EXPECT_EQ(Shape(sizes), (Shape{4, 6}));
}

TEST(Shapes, EqualityLooksAtEverySize) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_NE(Shape{}, Shape{1});
}

TEST(Shapes, CountsAre64Bit) {
  EXPECT_EQ((Shape{1 << 20, 1 << 20, 8}.numel()), std::int64_t{1} << 43);
}

TEST(Shapes, PrintAsTuples) {
  std::ostringstream text;
  text << Shape{} << ' ' << Shape{7} << ' ' << Shape{2, 3};
  EXPECT_EQ(text.str(), "() (7) (2, 3)");
}

}  // namespace
}  // namespace trireme::test
