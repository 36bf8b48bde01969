#include "runtime/data/images/png.h"

#include <png.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

// The library's own image, released at the end. Its simple interface reports errors and does not jump.
class PngImage {
 public:
  PngImage() { image_.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image_); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  png_image* operator->() { return &image_; }
  png_image* get() { return &image_; }

 private:
  png_image image_{};
};

void begin(PngImage& png, std::string_view bytes, std::string_view name) {
  if (!png_image_begin_read_from_memory(png.get(), bytes.data(), bytes.size()))
    fail("image", std::string(name) + ": no readable PNG:", png->message);
  if (std::int64_t{png->width} * std::int64_t{png->height} > most_pixels)
    fail("image", std::string(name) + ": expected at most", most_pixels, "pixels, found", png->height, "x", png->width);
}

Image finish(PngImage& png, std::int64_t channels, std::string_view name) {
  png->format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  Image image({png->height, png->width, channels});
  const png_color black{0, 0, 0};
  if (!png_image_finish_read(png.get(), &black, image.values.data(), 0, nullptr) || (png->warning_or_error & 2) != 0)
    fail("image", std::string(name) + ": damaged PNG:", png->message);
  return image;
}

}  // namespace

bool is_png(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1a\n");
}

Image decode_png(std::string_view bytes, std::int64_t channels, std::string_view name) {
  PngImage png;
  begin(png, bytes, name);
  return finish(png, channels, name);
}

Image decode_png_values(std::string_view bytes, std::string_view name) {
  PngImage png;
  begin(png, bytes, name);
  if ((png->format & ~PNG_FORMAT_FLAG_AFIRST) != PNG_FORMAT_GRAY)
    fail("image", std::string(name) + ": expected a grey PNG of 8 bits, whose values are classes, found one",
         (png->format & PNG_FORMAT_FLAG_COLORMAP) != 0 ? "with a palette" : "in colour, transparent or of 16 bits");
  return finish(png, 1, name);
}

ImageShape png_shape(std::string_view bytes, std::string_view name) {
  PngImage png;
  begin(png, bytes, name);
  return {png->height, png->width, PNG_IMAGE_PIXEL_CHANNELS(png->format) < 3 ? 1 : 3};
}

std::string encode_png(const Image& image) {
  const auto [height, width, channels] = image.shape;
  require(channels == 1 || channels == 3, "image", "expected one channel or three, found", image.shape);
  require(height > 0 && width > 0 && height * width <= most_pixels, "image", "expected a picture, found", image.shape);
  PngImage png;
  png->height = static_cast<png_uint_32>(height);
  png->width = static_cast<png_uint_32>(width);
  png->format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(*png.get());
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(png.get(), bytes.data(), &size, 0, image.values.data(), 0, nullptr))
    fail("image", "cannot encode a picture of", image.shape, "as PNG:", png->message);
  bytes.resize(size);
  return bytes;
}

void write_png(const std::string& path, const Image& image) {
  const std::string bytes = encode_png(image), aside = path + ".new";
  std::ofstream file(aside, std::ios::binary);
  file << bytes;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(aside, path, error);
  require(file && !error, "image", path + ": cannot be written; is the disk full, or the folder read-only?");
}

}  // namespace trireme::data
