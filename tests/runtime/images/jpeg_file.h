// JPEG files, made for tests.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/data/images/image.h"

#include <jpeglib.h>

namespace trireme::test {

inline std::string encode_jpeg(const data::Image& image, int quality = 95) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_height = static_cast<JDIMENSION>(image.shape.height);
  jpeg.image_width = static_cast<JDIMENSION>(image.shape.width);
  jpeg.input_components = static_cast<int>(image.shape.channels);
  jpeg.in_color_space = image.shape.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    auto* row = const_cast<JSAMPROW>(image.values.data()) +
                std::size_t{jpeg.next_scanline} * static_cast<std::size_t>(image.shape.width * image.shape.channels);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  const std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

}  // namespace trireme::test
