#include "runtime/data/images/grid.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"

namespace trireme::data {

Image picture_of(std::span<const float> values, const ImageShape& shape, float low, float high) {
  require(std::ssize(values) == shape.numbers() && high > low, "image", "expected", shape.numbers(),
          "numbers for a picture of", shape, "found", values.size());
  Image image(shape);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = (values[i] - low) / (high - low);
    image.values[i] = value > 0.0f ? static_cast<std::uint8_t>(std::lround(255.0f * std::min(value, 1.0f))) : 0;
  }
  return image;
}

Image grid(std::span<const Image> images, std::int64_t columns, std::int64_t gap) {
  require(!images.empty() && gap >= 0 && columns >= 0, "image", "expected pictures for a grid, found none");
  const ImageShape shape = images.front().shape;
  const std::int64_t count = std::ssize(images);
  if (columns == 0) columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  columns = std::min(columns, count);
  const std::int64_t rows = (count + columns - 1) / columns;
  Image result({rows * (shape.height + gap) - gap, columns * (shape.width + gap) - gap, shape.channels}, 255);
  for (std::int64_t i = 0; i < count; ++i) {
    const Image& image = images[static_cast<std::size_t>(i)];
    require(image.shape == shape, "image", "expected pictures of", shape, "for a grid, found", image.shape);
    const std::int64_t top = i / columns * (shape.height + gap), left = i % columns * (shape.width + gap);
    for (std::int64_t y = 0; y < shape.height; ++y)
      std::copy_n(image.values.begin() + y * shape.width * shape.channels, shape.width * shape.channels,
                  result.values.begin() + ((top + y) * result.shape.width + left) * shape.channels);
  }
  return result;
}

}  // namespace trireme::data
