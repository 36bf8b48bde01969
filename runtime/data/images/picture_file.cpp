#include "runtime/data/images/picture_file.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/data/images/jpeg.h"
#include "runtime/data/images/png.h"

namespace trireme::data {
namespace {

constexpr std::int64_t most_bytes = std::int64_t{1} << 28;

std::string bytes_of(const std::string& path) {
  return InputFile("image", path).read_all(most_bytes);
}

[[noreturn]] void unknown(const std::string& path) {
  fail("image", path + ": expected a JPEG or PNG file, found neither's first bytes");
}

}  // namespace

Image read_picture(const std::string& path, const PictureSize& size) {
  const std::string bytes = bytes_of(path);
  const auto [height, width, channels] = size.shape;
  if (is_jpeg(bytes))
    return resize(decode_jpeg(bytes, {.channels = channels, .least_height = height, .least_width = width}, path),
                  height, width, size.fit);
  if (is_png(bytes)) return resize(decode_png(bytes, channels, path), height, width, size.fit);
  unknown(path);
}

Image read_mask(const std::string& path, const ImageShape& picture, const PictureSize& size,
                const std::vector<std::uint8_t>& values) {
  const std::string bytes = bytes_of(path);
  if (!is_png(bytes)) fail("image", path + ": expected a mask as a grey PNG file");
  Image mask = decode_png_values(bytes, path);
  if (mask.shape.height != picture.height || mask.shape.width != picture.width)
    fail("image", path + ": expected a mask of its picture's size", picture.height, "x", picture.width, "found",
         mask.shape.height, "x", mask.shape.width);
  for (std::size_t i = 0; i < mask.values.size() && !values.empty(); ++i) {
    const auto found = std::find(values.begin(), values.end(), mask.values[i]);
    if (found == values.end())
      fail("image", path + ": a pixel in row", i / static_cast<std::size_t>(picture.width), "has the value",
           static_cast<int>(mask.values[i]), "which stands for no class");
    mask.values[i] = static_cast<std::uint8_t>(found - values.begin());
  }
  return resize_nearest(mask, size.shape.height, size.shape.width, size.fit);
}

ImageShape picture_shape(const std::string& path) {
  const std::string bytes = bytes_of(path);
  if (is_jpeg(bytes)) return jpeg_shape(bytes, path);
  if (is_png(bytes)) return png_shape(bytes, path);
  unknown(path);
}

}  // namespace trireme::data
