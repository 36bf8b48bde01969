// Pictures of other sizes.
#pragma once

#include <cstdint>

#include "runtime/data/images/image.h"

namespace trireme::data {

enum class Fit : std::uint8_t {
  crop,     // as large as it must be to fill the new size, what stands over on two sides is cut off
  stretch,  // both sides to the new size, whatever becomes of the proportions
};

// A triangle filter: between pixels the mean by distance; where the picture shrinks, over as many pixels as become one.
Image resize(const Image& image, std::int64_t height, std::int64_t width, Fit fit);
// The nearest pixel: for masks.
Image resize_nearest(const Image& image, std::int64_t height, std::int64_t width, Fit fit);

}  // namespace trireme::data
