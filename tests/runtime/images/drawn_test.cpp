#include "runtime/data/images/drawn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/base/error.h"
#include "runtime/data/images/glyphs.h"

namespace trireme::data {
namespace {

std::vector<std::uint8_t> picture(const ImageSet& set, std::int64_t number, std::vector<std::uint8_t>* mask = nullptr) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(set.shape().numbers()));
  if (mask) mask->resize(static_cast<std::size_t>(set.shape().pixels()));
  set.read(number, values.data(), mask ? mask->data() : nullptr);
  return values;
}

TEST(Glyphs, EveryCharacterHasStrokesInItsBox) {
  std::set<std::size_t> different;
  std::string all(digits);
  all += letters;
  for (const char glyph : all) {
    const std::vector<Stroke> strokes = strokes_of(glyph);
    EXPECT_GE(strokes.size(), 2u) << glyph;
    for (const Stroke& s : strokes)
      for (const auto& [y, x] : {std::pair{s.y0, s.x0}, std::pair{s.y1, s.x1}}) {
        EXPECT_TRUE(y >= 0.0f && y <= 1.0f) << glyph;
        EXPECT_TRUE(x >= 0.0f && x <= 0.667f) << glyph;
      }
  }
  EXPECT_THROW(strokes_of('a'), Error);
  EXPECT_EQ(strokes_of('T').size(), 2u) << "two lines, not joined";
}

TEST(Drawn, APictureIsAFunctionOfItsNumber) {
  const auto some = draw({.samples = 5, .seed = 7}), more = draw({.samples = 9, .seed = 7});
  ASSERT_EQ(more->size(), 9);
  EXPECT_EQ(more->shape(), (ImageShape{28, 28, 1}));
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(picture(*some, i), picture(*more, i));
  EXPECT_NE(picture(*some, 0), picture(*some, 1));
  EXPECT_NE(picture(*some, 0), picture(*draw({.samples = 1, .seed = 8}), 0));
}

TEST(Drawn, GlyphsLieInside) {
  const auto set = draw({.samples = 200, .noise = 0.0f});
  std::set<std::int32_t> seen;
  for (std::int64_t i = 0; i < 200; ++i) {
    seen.insert(set->labels()[static_cast<std::size_t>(i)]);
    const std::vector<std::uint8_t> values = picture(*set, i);
    EXPECT_GT(*std::max_element(values.begin(), values.end()), 150) << "ink";
    for (std::size_t x = 0; x < 28; ++x) EXPECT_LT(values[x] + values[28 * 27 + x], 255) << "picture " << i;
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(draw({.drawing = Drawing::letters, .samples = 1})->class_names().at(25), "Z");
}

TEST(Drawn, ShapesHaveMasks) {
  const auto set = draw({.drawing = Drawing::shapes, .samples = 60, .size = 32});
  EXPECT_EQ(set->shape(), (ImageShape{32, 32, 3}));
  EXPECT_TRUE(set->labels().empty());
  std::vector<std::int64_t> pixels(4, 0);
  for (std::int64_t i = 0; i < 60; ++i) {
    std::vector<std::uint8_t> mask;
    (void)picture(*set, i, &mask);
    for (const std::uint8_t kind : mask) ++pixels.at(kind);
  }
  for (const std::int64_t count : pixels) EXPECT_GT(count, 60 * 32 * 32 / 40) << "every class has its share";
}

TEST(Drawn, RefusesNothingAndTooMuch) {
  EXPECT_THROW(draw({.samples = 0}), Error);
  EXPECT_THROW(draw({.size = 4}), Error);
  EXPECT_THROW(draw({.samples = 1 << 30}), Error);
}

}  // namespace
}  // namespace trireme::data
