// PNG files, through libpng.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/data/images/image.h"

namespace trireme::data {

// Pictures with more pixels than this are refused before memory is taken for them.
inline constexpr std::int64_t most_pixels = std::int64_t{1} << 27;

bool is_png(std::string_view bytes);
// `channels` 1 or 3; colours become grey by their brightness, what is transparent becomes black, 16 bits become 8.
// An Error with `name` in it where the bytes are damaged.
Image decode_png(std::string_view bytes, std::int64_t channels, std::string_view name);
// A grey picture's values as they are, for masks. One with a palette or in colour is an Error.
Image decode_png_values(std::string_view bytes, std::string_view name);

// From the header alone.
ImageShape png_shape(std::string_view bytes, std::string_view name);

std::string encode_png(const Image& image);
// The file appears whole or not at all.
void write_png(const std::string& path, const Image& image);

}  // namespace trireme::data
