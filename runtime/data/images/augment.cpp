#include "runtime/data/images/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace trireme::data {
namespace {

constexpr std::uint64_t words_per_sample = 1024;  // more than any sample draws

float grey(const float* pixel, std::int64_t channels) {
  return channels == 3 ? 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2] : pixel[0];
}

}  // namespace

Draws::Draws(std::uint64_t seed, std::int64_t epoch, std::int64_t sample)
    : key_{seed, hash_name("augment") + static_cast<std::uint64_t>(epoch)},
      next_(static_cast<std::uint64_t>(sample) * words_per_sample) {}

std::uint32_t Draws::word() {
  return random_word(key_, next_++);
}

std::int64_t Draws::below(std::int64_t count) {
  return static_cast<std::int64_t>((std::uint64_t{word()} * static_cast<std::uint64_t>(count)) >> 32);
}

float Draws::beta(float alpha) {
  for (int tries = 0; tries < 100; ++tries) {
    const float x = std::pow(unit(), 1.0f / alpha), y = std::pow(unit(), 1.0f / alpha);
    if (x + y <= 1.0f && x + y > 0.0f) return x / (x + y);
  }
  return 0.5f;  // once in 2^100 draws with alpha 1, less often below
}

Movement::Movement(const Augment& augment, const ImageShape& shape, Draws& draws) : shape_(shape) {
  if (augment.pad > 0) {
    shift_y_ = static_cast<float>(draws.below(2 * augment.pad + 1) - augment.pad);
    shift_x_ = static_cast<float>(draws.below(2 * augment.pad + 1) - augment.pad);
  }
  if (augment.flip) flip_ = draws.unit() < 0.5f;
  const float angle = augment.rotate > 0.0f ? draws.either_way(augment.rotate) : 0.0f;
  const float factor = augment.scale > 0.0f ? 1.0f + draws.either_way(augment.scale) : 1.0f;
  const float radians = angle * std::numbers::pi_v<float> / 180.0f;
  cosine_ = std::cos(radians) / factor;
  sine_ = std::sin(radians) / factor;
}

// The inverse of: flip, turn and scale about the middle, then shift.
Movement::Place Movement::from(std::int64_t y, std::int64_t x) const {
  const float middle_y = 0.5f * static_cast<float>(shape_.height - 1);
  const float middle_x = 0.5f * static_cast<float>(shape_.width - 1);
  const float dy = static_cast<float>(y) - shift_y_ - middle_y, dx = static_cast<float>(x) - shift_x_ - middle_x;
  const float turned_y = cosine_ * dy - sine_ * dx, turned_x = sine_ * dy + cosine_ * dx;
  return {middle_y + turned_y, middle_x + (flip_ ? -turned_x : turned_x)};
}

void Movement::picture(float* to, const float* source) const {
  const auto [height, width, channels] = shape_;
  const auto pixel = [&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return y < 0 || x < 0 || y >= height || x >= width ? 0.0f : source[(y * width + x) * channels + c];
  };
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const Place place = from(y, x);
      const float fy = std::floor(place.y), fx = std::floor(place.x), wy = place.y - fy, wx = place.x - fx;
      const auto top = static_cast<std::int64_t>(fy), left = static_cast<std::int64_t>(fx);
      for (std::int64_t c = 0; c < channels; ++c) {
        // Whole steps (crops and flips alone) give the very pixels.
        const float above = pixel(top, left, c) * (1.0f - wx) + (wx > 0.0f ? pixel(top, left + 1, c) * wx : 0.0f);
        const float below =
            wy > 0.0f ? pixel(top + 1, left, c) * (1.0f - wx) + (wx > 0.0f ? pixel(top + 1, left + 1, c) * wx : 0.0f)
                      : 0.0f;
        *to++ = above * (1.0f - wy) + below * wy;
      }
    }
}

void Movement::mask(std::uint8_t* to, const std::uint8_t* source) const {
  for (std::int64_t y = 0; y < shape_.height; ++y)
    for (std::int64_t x = 0; x < shape_.width; ++x) {
      const Place place = from(y, x);
      const auto ny = static_cast<std::int64_t>(std::floor(place.y + 0.5f));
      const auto nx = static_cast<std::int64_t>(std::floor(place.x + 0.5f));
      const bool outside = ny < 0 || nx < 0 || ny >= shape_.height || nx >= shape_.width;
      *to++ = outside ? 0 : source[ny * shape_.width + nx];
    }
}

void change_colours(const Augment& augment, const ImageShape& shape, Draws& draws, float* values) {
  const float brightness = 1.0f + draws.either_way(augment.brightness);
  const float contrast = 1.0f + draws.either_way(augment.contrast);
  const float saturation = 1.0f + draws.either_way(augment.saturation);
  const std::int64_t channels = shape.channels, pixels = shape.pixels();
  double sum = 0.0;
  for (std::int64_t i = 0; i < pixels; ++i) sum += double{grey(values + i * channels, channels)};
  const float mean = brightness * static_cast<float>(sum / static_cast<double>(pixels));
  for (std::int64_t i = 0; i < pixels; ++i) {
    float* pixel = values + i * channels;
    const float own = grey(pixel, channels);
    for (std::int64_t c = 0; c < channels; ++c) {
      const float bright = brightness * (own + saturation * (pixel[c] - own));
      pixel[c] = std::clamp(mean + contrast * (bright - mean), 0.0f, 1.0f);
    }
  }
}

void cut_out(const Augment& augment, const ImageShape& shape, Draws& draws, const std::vector<float>& blank,
             float* values) {
  const std::int64_t side = augment.cut_out;
  const std::int64_t top = draws.below(shape.height) - side / 2, left = draws.below(shape.width) - side / 2;
  for (std::int64_t y = std::max<std::int64_t>(0, top); y < std::min(shape.height, top + side); ++y)
    for (std::int64_t x = std::max<std::int64_t>(0, left); x < std::min(shape.width, left + side); ++x)
      std::copy(blank.begin(), blank.end(), values + (y * shape.width + x) * shape.channels);
}

}  // namespace trireme::data
