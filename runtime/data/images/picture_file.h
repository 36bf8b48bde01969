// A picture in a file, brought to the size that is wanted.
#pragma once

#include <string>

#include "runtime/data/images/image.h"
#include "runtime/data/images/resize.h"

namespace trireme::data {

struct PictureSize {
  ImageShape shape;  // 1 channel or 3
  Fit fit = Fit::crop;
};

// A JPEG or PNG file, told apart by its first bytes.
Image read_picture(const std::string& path, const PictureSize& size);
// A grey PNG of classes, or of `values`, of which the n-th stands for class n. `picture` is the shape that the picture
// has whose mask this is, before it was resized: another one is an Error.
Image read_mask(const std::string& path, const ImageShape& picture, const PictureSize& size,
                const std::vector<std::uint8_t>& values);
// Height and width of a picture file, from its header.
ImageShape picture_shape(const std::string& path);

}  // namespace trireme::data
