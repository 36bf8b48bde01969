#include "runtime/data/images/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

// The part of one side that fills the new one: begins at pixel `begin`, is `length` pixels long.
struct Window {
  double begin = 0.0, length = 0.0;
};

struct Windows {
  Window y, x;
};

Windows windows(const ImageShape& shape, std::int64_t height, std::int64_t width, Fit fit) {
  const auto h = static_cast<double>(shape.height), w = static_cast<double>(shape.width);
  if (fit == Fit::stretch) return {{0.0, h}, {0.0, w}};
  const double factor = std::min(h / static_cast<double>(height), w / static_cast<double>(width));
  const double used_h = factor * static_cast<double>(height), used_w = factor * static_cast<double>(width);
  return {{0.5 * (h - used_h), used_h}, {0.5 * (w - used_w), used_w}};
}

// The weights of old pixels first, first + 1, ... in a new one.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> taps(const Window& window, std::int64_t size, std::int64_t pixels) {
  const double step = window.length / static_cast<double>(size), reach = std::max(step, 1.0);
  std::vector<Taps> all;
  for (std::int64_t i = 0; i < size; ++i) {
    const double middle = window.begin + (static_cast<double>(i) + 0.5) * step;
    Taps one{.first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(middle - reach))), .weights = {}};
    const std::int64_t end = std::min(pixels, static_cast<std::int64_t>(std::ceil(middle + reach)));
    double total = 0.0;
    std::vector<double> weights;
    for (std::int64_t p = one.first; p < end; ++p) {
      weights.push_back(std::max(0.0, 1.0 - std::abs(static_cast<double>(p) + 0.5 - middle) / reach));
      total += weights.back();
    }
    for (const double weight : weights) one.weights.push_back(static_cast<float>(weight / total));
    all.push_back(std::move(one));
  }
  return all;
}

void check(const Image& image, std::int64_t height, std::int64_t width) {
  require(image.shape.numbers() > 0 && height > 0 && width > 0, "image", "expected pictures with pixels, found",
          image.shape, "to become", height, "x", width);
}

}  // namespace

Image resize(const Image& image, std::int64_t height, std::int64_t width, Fit fit) {
  check(image, height, width);
  const auto [old_height, old_width, channels] = image.shape;
  if (old_height == height && old_width == width) return image;
  const Windows part = windows(image.shape, height, width, fit);
  const std::vector<Taps> across = taps(part.x, width, old_width), down = taps(part.y, height, old_height);
  std::vector<float> rows(static_cast<std::size_t>(old_height * width * channels), 0.0f);
  for (std::int64_t y = 0; y < old_height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const Taps& t = across[static_cast<std::size_t>(x)];
      float* out = rows.data() + (y * width + x) * channels;
      for (std::size_t i = 0; i < t.weights.size(); ++i)
        for (std::int64_t c = 0; c < channels; ++c)
          out[c] += t.weights[i] * static_cast<float>(image.at(y, t.first + static_cast<std::int64_t>(i), c));
    }
  Image result({height, width, channels});
  std::vector<float> line(static_cast<std::size_t>(width * channels));
  for (std::int64_t y = 0; y < height; ++y) {
    std::fill(line.begin(), line.end(), 0.5f);  // rounds
    const Taps& t = down[static_cast<std::size_t>(y)];
    for (std::size_t i = 0; i < t.weights.size(); ++i) {
      const float* from = rows.data() + (t.first + static_cast<std::int64_t>(i)) * width * channels;
      for (std::size_t k = 0; k < line.size(); ++k) line[k] += t.weights[i] * from[k];
    }
    for (std::size_t k = 0; k < line.size(); ++k)
      result.values[static_cast<std::size_t>(y * width * channels) + k] =
          static_cast<std::uint8_t>(std::clamp(line[k], 0.0f, 255.0f));
  }
  return result;
}

Image resize_nearest(const Image& image, std::int64_t height, std::int64_t width, Fit fit) {
  check(image, height, width);
  const Windows part = windows(image.shape, height, width, fit);
  const auto nearest = [](const Window& window, std::int64_t i, std::int64_t size, std::int64_t pixels) {
    const double place = window.begin + (static_cast<double>(i) + 0.5) * window.length / static_cast<double>(size);
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(place)), 0, pixels - 1);
  };
  Image result({height, width, image.shape.channels});
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < image.shape.channels; ++c)
        result.at(y, x, c) =
            image.at(nearest(part.y, y, height, image.shape.height), nearest(part.x, x, width, image.shape.width), c);
  return result;
}

}  // namespace trireme::data
