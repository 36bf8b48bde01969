// A picture in memory: 8 bits per channel, rows first, channels innermost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <vector>

namespace trireme::data {

struct ImageShape {
  std::int64_t height = 0, width = 0, channels = 0;  // channels: 1 grey, 3 red, green and blue

  std::int64_t pixels() const { return height * width; }
  std::int64_t numbers() const { return pixels() * channels; }
  bool operator==(const ImageShape&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const ImageShape& shape) {
  return out << shape.height << " x " << shape.width << " x " << shape.channels;
}

struct Image {
  ImageShape shape;
  std::vector<std::uint8_t> values;

  Image() = default;
  explicit Image(const ImageShape& size, std::uint8_t value = 0)
      : shape(size), values(static_cast<std::size_t>(size.numbers()), value) {}

  std::uint8_t& at(std::int64_t y, std::int64_t x, std::int64_t channel = 0) {
    return values[static_cast<std::size_t>((y * shape.width + x) * shape.channels + channel)];
  }
  std::uint8_t at(std::int64_t y, std::int64_t x, std::int64_t channel = 0) const {
    return values[static_cast<std::size_t>((y * shape.width + x) * shape.channels + channel)];
  }
};

}  // namespace trireme::data
