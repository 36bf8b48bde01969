#include "runtime/data/images/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace trireme::data {
namespace {

const ImageShape shape{5, 4, 3};

std::vector<float> ramp() {
  std::vector<float> values(static_cast<std::size_t>(shape.numbers()));
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

std::vector<float> moved(const Augment& augment, Draws draws) {
  const std::vector<float> still = ramp();
  std::vector<float> values(still.size(), -1.0f);
  Movement(augment, shape, draws).picture(values.data(), still.data());
  return values;
}

TEST(Draws, AreKeyedBySeedEpochAndSample) {
  EXPECT_EQ(Draws(1, 2, 3).unit(), Draws(1, 2, 3).unit());
  EXPECT_NE(Draws(1, 2, 3).unit(), Draws(0, 2, 3).unit());
  EXPECT_NE(Draws(1, 2, 3).unit(), Draws(1, 3, 3).unit());
  EXPECT_NE(Draws(1, 2, 3).unit(), Draws(1, 2, 4).unit());
}

TEST(Draws, BetaHasItsMeanAndVariance) {
  for (const float alpha : {0.2f, 1.0f}) {
    double sum = 0.0, squares = 0.0;
    constexpr int count = 20000;
    for (int i = 0; i < count; ++i) {
      const double x = Draws(4, 0, i).beta(alpha);
      ASSERT_TRUE(x >= 0.0 && x <= 1.0);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / count, variance = squares / count - mean * mean;
    EXPECT_NEAR(mean, 0.5, 0.01);
    EXPECT_NEAR(variance, 0.25 / (2.0 * alpha + 1.0), 0.004) << "alpha " << alpha;
  }
}

TEST(Movement, WithoutAnythingAPictureStays) {
  EXPECT_EQ(moved({}, Draws(1, 0, 0)), ramp());
}

TEST(Movement, FlipsSwapLeftAndRight) {
  const std::vector<float> still = ramp();
  std::vector<float> flipped;
  for (std::int64_t y = 0; y < 5; ++y)
    for (std::int64_t x = 3; x >= 0; --x)
      for (std::int64_t c = 0; c < 3; ++c) flipped.push_back(still[static_cast<std::size_t>((y * 4 + x) * 3 + c)]);
  int flips = 0;
  for (int sample = 0; sample < 200; ++sample) {
    const std::vector<float> got = moved({.flip = true}, Draws(1, 0, sample));
    EXPECT_TRUE(got == still || got == flipped);
    flips += got == flipped;
  }
  EXPECT_NEAR(flips, 100, 35);
}

TEST(Movement, CropsAreWholePixelsOfThePaddedPicture) {
  const std::vector<float> still = ramp();
  std::vector<int> seen(25, 0);
  for (int sample = 0; sample < 300; ++sample) {
    const std::vector<float> got = moved({.pad = 2}, Draws(1, 0, sample));
    bool found = false;
    for (std::int64_t dy = -2; dy <= 2; ++dy)
      for (std::int64_t dx = -2; dx <= 2; ++dx) {
        bool same = true;
        for (std::int64_t y = 0; y < 5 && same; ++y)
          for (std::int64_t x = 0; x < 4 && same; ++x) {
            const std::int64_t sy = y - dy, sx = x - dx;
            const bool inside = sy >= 0 && sy < 5 && sx >= 0 && sx < 4;
            same = got[static_cast<std::size_t>((y * 4 + x) * 3)] ==
                   (inside ? still[static_cast<std::size_t>((sy * 4 + sx) * 3)] : 0.0f);
          }
        if (same) ++seen[static_cast<std::size_t>((dy + 2) * 5 + dx + 2)];
        found = found || same;
      }
    ASSERT_TRUE(found);
  }
  EXPECT_GT(*std::min_element(seen.begin(), seen.end()), 0) << "all 25 places are drawn";
}

TEST(Movement, ARotationTurnsAboutTheMiddle) {
  // A bright middle pixel stays, a disc keeps its sum.
  const ImageShape big{21, 21, 1};
  std::vector<float> disc(441, 0.0f), turned(441);
  for (int y = 0; y < 21; ++y)
    for (int x = 0; x < 21; ++x)
      disc[static_cast<std::size_t>(y * 21 + x)] = std::hypot(y - 10, x - 10) < 6 ? 1.0f : 0.0f;
  for (int sample = 0; sample < 20; ++sample) {
    Draws draws(3, 0, sample);
    Movement({.rotate = 90.0f}, big, draws).picture(turned.data(), disc.data());
    EXPECT_NEAR(turned[220], 1.0f, 1e-5f);
    EXPECT_NEAR(std::accumulate(turned.begin(), turned.end(), 0.0f), std::accumulate(disc.begin(), disc.end(), 0.0f),
                4.0f);
  }
}

TEST(Movement, MasksMoveWithThePictures) {
  const ImageShape grey{16, 16, 1};
  std::vector<float> values(256), moved_values(256);
  std::vector<std::uint8_t> mask(256), moved_mask(256);
  for (std::size_t i = 0; i < 256; ++i) values[i] = mask[i] = (i / 16 > 4 && i / 16 < 12 && i % 16 > 5) ? 1 : 0;
  for (int sample = 0; sample < 50; ++sample) {
    Draws draws(5, 1, sample);
    const Movement movement({.pad = 3, .flip = true, .rotate = 40.0f, .scale = 0.3f}, grey, draws);
    movement.picture(moved_values.data(), values.data());
    movement.mask(moved_mask.data(), mask.data());
    int far = 0;
    for (std::size_t i = 0; i < 256; ++i) far += std::abs(moved_values[i] - static_cast<float>(moved_mask[i])) > 0.76f;
    EXPECT_EQ(far, 0) << "sample " << sample;
  }
}

TEST(Colours, StayBetweenZeroAndOneAndChange) {
  std::vector<float> values(static_cast<std::size_t>(shape.numbers()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) / 6.0f;
  const std::vector<float> before = values;
  Draws draws(1, 0, 0);
  change_colours({.brightness = 0.5f, .contrast = 0.5f, .saturation = 0.5f}, shape, draws, values.data());
  EXPECT_NE(values, before);
  for (const float value : values) EXPECT_TRUE(value >= 0.0f && value <= 1.0f);
  // Without saturation, a grey picture stays grey under all of them.
  std::vector<float> grey(static_cast<std::size_t>(shape.numbers()), 0.25f);
  change_colours({.brightness = 0.5f, .contrast = 0.5f, .saturation = 1.0f}, shape, draws, grey.data());
  EXPECT_NEAR(*std::max_element(grey.begin(), grey.end()), *std::min_element(grey.begin(), grey.end()), 1e-6f);
}

TEST(CutOut, BlanksASquareInside) {
  for (int sample = 0; sample < 50; ++sample) {
    std::vector<float> values(static_cast<std::size_t>(shape.numbers()), 1.0f);
    Draws draws(1, 0, sample);
    cut_out({.cut_out = 2}, shape, draws, {0.0f, 0.5f, 0.25f}, values.data());
    const auto blanked = std::count(values.begin(), values.end(), 0.0f);
    EXPECT_TRUE(blanked == 4 || blanked == 2 || blanked == 1) << blanked;
    EXPECT_EQ(std::count(values.begin(), values.end(), 0.5f), blanked);
  }
}

}  // namespace
}  // namespace trireme::data
