#include "runtime/data/synthetic.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::data {
namespace {

constexpr float sqrt_12 = 3.4641016f;  // turns [0, 1) into a distribution of variance 1

float spread(std::uint32_t word) {
  return (unit_float(word) - 0.5f) * sqrt_12;
}

}  // namespace

SyntheticClasses::SyntheticClasses(SyntheticOptions options)
    : options_(options), fields_{{"features", DType::f32, Shape{options.features}}, {"labels", DType::i32, Shape{}}} {
  require(options.samples >= 1 && options.first >= 0 && options.classes >= 1 && options.features >= 1, "data",
          "expected at least one sample, class and feature, found", options.samples, options.classes, options.features);
  require(options.noise >= 0.0f, "data", "expected noise of zero or more, found", options.noise);
  const RandomKey key{options.seed, hash_name("synthetic centres")};
  for (std::int64_t i = 0; i < options.classes * options.features; ++i)
    centres_.push_back(spread(random_word(key, static_cast<std::uint64_t>(i))));
}

void SyntheticClasses::read(std::int64_t, std::int64_t sample, std::span<std::byte* const> rows) const {
  const auto number = static_cast<std::uint64_t>(options_.first + sample);
  const std::uint32_t word = random_word({options_.seed, hash_name("synthetic labels")}, number);
  const auto label = static_cast<std::int32_t>(word % static_cast<std::uint64_t>(options_.classes));
  std::memcpy(rows[1], &label, sizeof label);

  const std::int64_t features = options_.features;
  const float* centre = centres_.data() + label * features;
  const RandomKey key{options_.seed, hash_name("synthetic noise")};
  const auto blocks = static_cast<std::uint64_t>((features + 3) / 4);  // every sample begins with a block of its own
  std::vector<float> values(static_cast<std::size_t>(features));
  for (std::int64_t begin = 0; begin < features; begin += 4) {
    const PhiloxBlock words = philox(key, number * blocks + static_cast<std::uint64_t>(begin / 4));
    for (std::int64_t i = begin; i < std::min(begin + 4, features); ++i)
      values[static_cast<std::size_t>(i)] =
          centre[i] + options_.noise * spread(words[static_cast<std::size_t>(i - begin)]);
  }
  std::memcpy(rows[0], values.data(), values.size() * sizeof(float));
}

}  // namespace trireme::data
