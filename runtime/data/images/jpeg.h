// JPEG files, through libjpeg-turbo.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/data/images/image.h"

namespace trireme::data {

bool is_jpeg(std::string_view bytes);

struct JpegOptions {
  std::int64_t channels = 3;  // 1 or 3
  // The picture may be decoded at 1/2, 1/4 or 1/8 of its size, which is quicker, as long as it has at least this height
  // and width. 0: at its own.
  std::int64_t least_height = 0, least_width = 0;
};
// An Error with `name` in it where the bytes are damaged or cut short.
Image decode_jpeg(std::string_view bytes, const JpegOptions& options, std::string_view name);
// From the header alone.
ImageShape jpeg_shape(std::string_view bytes, std::string_view name);

}  // namespace trireme::data
