#include "runtime/data/images/image_source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/data/images/drawn.h"

namespace trireme::data {
namespace {

struct Sample {
  std::vector<float> image, targets;
  std::vector<std::int32_t> labels;
  bool operator==(const Sample&) const = default;
};

Sample read(const Source& source, std::int64_t epoch, std::int64_t number) {
  Sample sample;
  sample.image.resize(static_cast<std::size_t>(source.fields()[0].shape.numel()));
  sample.labels.resize(static_cast<std::size_t>(source.fields()[1].shape.numel()));
  std::vector<std::byte*> rows{reinterpret_cast<std::byte*>(sample.image.data()),
                               reinterpret_cast<std::byte*>(sample.labels.data())};
  if (source.fields().size() > 2) {
    sample.targets.resize(static_cast<std::size_t>(source.fields()[2].shape.numel()));
    rows.push_back(reinterpret_cast<std::byte*>(sample.targets.data()));
  }
  source.read(epoch, number, rows);
  return sample;
}

std::shared_ptr<const ImageSet> two_pictures() {
  return std::make_shared<MemoryImages>(MemoryImages::Contents{.shape = {1, 2, 2},
                                                               .images = {0, 255, 51, 102, 255, 0, 0, 153},
                                                               .labels = {3, 1},
                                                               .masks = {},
                                                               .origin = "here"});
}

std::vector<std::int64_t> counting(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(ImageSource, GivesNumbersFromZeroToOne) {
  const ImageSource source(two_pictures(), {});
  ASSERT_EQ(source.fields().size(), 2u);
  EXPECT_EQ(source.fields()[0].name, "images");
  EXPECT_EQ(source.fields()[0].shape, (Shape{1, 2, 2}));
  EXPECT_EQ(source.fields()[1].name, "labels");
  EXPECT_EQ(source.samples(), 2);
  EXPECT_EQ(read(source, 0, 0), (Sample{{0.0f, 1.0f, 0.2f, 0.4f}, {}, {3}}));
  EXPECT_EQ(read(source, 9, 0), read(source, 0, 0)) << "nothing changes from epoch to epoch";
}

TEST(ImageSource, NormalisesByChannel) {
  const Sample sample = read(ImageSource(two_pictures(), {.normalisation = {{0.5f, 0.0f}, {0.5f, 2.0f}}}), 0, 0);
  EXPECT_FLOAT_EQ(sample.image[0], -1.0f);
  EXPECT_FLOAT_EQ(sample.image[1], 0.5f);
  EXPECT_FLOAT_EQ(sample.image[2], -0.6f);
  EXPECT_FLOAT_EQ(sample.image[3], 0.2f);
  EXPECT_THROW(ImageSource(two_pictures(), {.normalisation = {{0.5f}, {0.5f}}}), Error);
  EXPECT_THROW(ImageSource(two_pictures(), {.normalisation = {{0.5f, 0.5f}, {0.5f, 0.0f}}}), Error);
}

TEST(ImageSource, MeasuredNormalisationIsThatOfTheChosenPictures) {
  const auto set = draw({.drawing = Drawing::shapes, .samples = 20, .size = 16});
  std::vector<std::int64_t> chosen{1, 4, 5, 11};
  const ImageSource source(set, {.normalisation = measure(*set, chosen)});
  std::vector<double> sum(3, 0.0), squares(3, 0.0);
  for (const std::int64_t number : chosen) {
    const Sample sample = read(source, 0, number);
    for (std::size_t i = 0; i < sample.image.size(); ++i) {
      sum[i % 3] += sample.image[i];
      squares[i % 3] += sample.image[i] * sample.image[i];
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(sum[c] / (4 * 256), 0.0, 1e-4);
    EXPECT_NEAR(squares[c] / (4 * 256), 1.0, 1e-3);
  }
  const MemoryImages flat({.shape = {1, 1, 1}, .images = {7, 7}, .labels = {0, 0}, .masks = {}, .origin = ""});
  EXPECT_EQ(measure(flat, counting(2)).deviation, std::vector<float>{1.0f});
}

TEST(ImageSource, MasksComeWithTheirPictures) {
  const auto set = draw({.drawing = Drawing::shapes, .samples = 4, .size = 16});
  const ImageSource source(set, {.augment = {.flip = true}});
  EXPECT_EQ(source.fields()[1].name, "masks");
  EXPECT_EQ(source.fields()[1].shape, (Shape{16, 16}));
  std::vector<std::uint8_t> bytes(16 * 16 * 3), mask(16 * 16);
  set->read(2, bytes.data(), mask.data());
  const Sample still = read(ImageSource(set, {}), 0, 2);
  EXPECT_EQ(still.labels, std::vector<std::int32_t>(mask.begin(), mask.end()));
  int flips = 0;
  for (std::int64_t epoch = 0; epoch < 40; ++epoch) {
    const Sample sample = read(source, epoch, 2);
    EXPECT_EQ(sample.image == still.image, sample.labels == still.labels);
    flips += sample.image != still.image;
  }
  EXPECT_NEAR(flips, 20, 14);
}

TEST(ImageSource, AugmentationIsAFunctionOfSeedEpochAndSample) {
  const auto set = draw({.samples = 30});
  const Augment all{.pad = 2,
                    .flip = true,
                    .rotate = 10.0f,
                    .scale = 0.1f,
                    .brightness = 0.2f,
                    .contrast = 0.2f,
                    .saturation = 0.2f,
                    .cut_out = 6,
                    .mix_up = 0.4f};
  const ImageOptions options{.augment = all, .seed = 5, .classes = 10, .mix_with = counting(30)};
  const ImageSource one(set, options), two(set, options);
  EXPECT_EQ(read(one, 3, 7), read(two, 3, 7));
  EXPECT_NE(read(one, 3, 7), read(one, 4, 7));
  ImageOptions other = options;
  other.seed = 6;
  EXPECT_NE(read(one, 3, 7), read(ImageSource(set, other), 3, 7));
}

TEST(ImageSource, MixUpMixesPicturesAndClasses) {
  const auto set = draw({.samples = 50, .noise = 0.0f});
  const std::vector<std::int64_t> partners{40, 41};
  const ImageSource mixed(set, {.augment = {.mix_up = 0.5f}, .seed = 2, .classes = 10, .mix_with = partners});
  const ImageSource plain(set, {});
  ASSERT_EQ(mixed.fields()[2].name, "targets");
  for (std::int64_t i = 0; i < 20; ++i) {
    const Sample sample = read(mixed, 0, i), own = read(plain, 0, i);
    EXPECT_EQ(sample.labels, own.labels);
    EXPECT_NEAR(std::accumulate(sample.targets.begin(), sample.targets.end(), 0.0f), 1.0f, 1e-6f);
    bool explained = false;
    for (const std::int64_t partner : partners) {
      const Sample other = read(plain, 0, partner);
      const bool same_class = other.labels == own.labels;
      const float share = sample.targets[static_cast<std::size_t>(own.labels[0])];
      double worst = 0.0;
      for (std::size_t p = 0; p < own.image.size(); ++p)
        worst =
            std::max(worst, double{std::abs(sample.image[p] - share * own.image[p] - (1.0f - share) * other.image[p])});
      explained = explained || same_class || worst < 1e-5;
    }
    EXPECT_TRUE(explained) << "sample " << i;
  }
  EXPECT_THROW(ImageSource(set, {.augment = {.mix_up = 0.5f}, .classes = 10}), Error) << "nothing to mix with";
  EXPECT_THROW(ImageSource(set, {.augment = {.mix_up = 0.5f}, .classes = 5, .mix_with = partners}), Error);
}

}  // namespace
}  // namespace trireme::data
