#include "runtime/data/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

struct Sample {
  std::vector<float> features;
  std::int32_t label = -1;
  bool operator==(const Sample&) const = default;
};

Sample read(const SyntheticClasses& source, std::int64_t sample) {
  Sample result;
  result.features.resize(static_cast<std::size_t>(source.fields()[0].shape.numel()));
  std::byte* rows[2]{reinterpret_cast<std::byte*>(result.features.data()), reinterpret_cast<std::byte*>(&result.label)};
  source.read(0, sample, rows);
  return result;
}

TEST(Synthetic, FieldsAreFeaturesAndLabels) {
  const SyntheticClasses source({.samples = 12, .features = 7});
  ASSERT_EQ(source.fields().size(), 2u);
  EXPECT_EQ(source.fields()[0].name, "features");
  EXPECT_EQ(source.fields()[0].shape, Shape{7});
  EXPECT_EQ(source.fields()[1].name, "labels");
  EXPECT_EQ(source.fields()[1].dtype, DType::i32);
  EXPECT_EQ(source.samples(), 12);
}

TEST(Synthetic, SamplesAreFunctionsOfTheirNumber) {
  const SyntheticClasses training({.samples = 100, .features = 5, .seed = 4});
  const SyntheticClasses validation({.samples = 50, .first = 60, .features = 5, .seed = 4});
  EXPECT_EQ(read(training, 63), read(validation, 3));
  EXPECT_NE(read(training, 63), read(training, 64));
  EXPECT_NE(read(training, 63), read(SyntheticClasses({.features = 5, .seed = 5}), 63));
}

TEST(Synthetic, ClassesAreEvenAndCentred) {
  constexpr std::int64_t samples = 20000;
  const SyntheticClasses source({.samples = samples, .classes = 4, .features = 6, .noise = 0.5f});
  std::vector<std::vector<double>> sum(4, std::vector<double>(6, 0)), squares = sum;
  std::vector<double> count(4, 0);
  for (std::int64_t i = 0; i < samples; ++i) {
    const Sample sample = read(source, i);
    ASSERT_GE(sample.label, 0);
    ASSERT_LT(sample.label, 4);
    const auto label = static_cast<std::size_t>(sample.label);
    ++count[label];
    for (std::size_t f = 0; f < 6; ++f) {
      sum[label][f] += sample.features[f];
      squares[label][f] += sample.features[f] * sample.features[f];
    }
  }
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_NEAR(count[c], samples / 4.0, 300);
    for (std::size_t f = 0; f < 6; ++f) {
      const double mean = sum[c][f] / count[c];
      EXPECT_NEAR(std::sqrt(squares[c][f] / count[c] - mean * mean), 0.5, 0.02) << "the noise";
      EXPECT_LT(std::abs(mean), 1.8);
    }
  }
  EXPECT_GT(std::abs(sum[0][0] / count[0] - sum[1][0] / count[1]), 0.01) << "centres differ";
}

TEST(Synthetic, WithoutNoiseASampleIsItsCentre) {
  const SyntheticClasses source({.samples = 100, .classes = 2, .features = 3, .noise = 0.0f});
  std::vector<std::vector<float>> centre(2);
  for (std::int64_t i = 0; i < 100; ++i) {
    const Sample sample = read(source, i);
    auto& known = centre[static_cast<std::size_t>(sample.label)];
    if (known.empty()) known = sample.features;
    EXPECT_EQ(sample.features, known);
  }
  EXPECT_NE(centre[0], centre[1]);
}

TEST(Synthetic, RefusesNothing) {
  EXPECT_THROW(SyntheticClasses({.samples = 0}), Error);
  EXPECT_THROW(SyntheticClasses({.classes = 0}), Error);
  EXPECT_THROW(SyntheticClasses({.features = 0}), Error);
  EXPECT_THROW(SyntheticClasses({.noise = -1.0f}), Error);
}

}  // namespace
}  // namespace trireme::data
