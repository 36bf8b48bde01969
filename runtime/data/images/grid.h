// Sheets of pictures to look at.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/data/images/image.h"

namespace trireme::data {

// Numbers (H, W, C) from `low` (black) to `high` (white) as a picture; what lies outside is cut, what is no number is
// black.
Image picture_of(std::span<const float> values, const ImageShape& shape, float low = 0.0f, float high = 1.0f);

// Pictures of one shape beside and below each other, rows first, with `gap` pixels between them; `columns` 0: about as
// many as rows.
Image grid(std::span<const Image> images, std::int64_t columns = 0, std::int64_t gap = 2);

}  // namespace trireme::data
