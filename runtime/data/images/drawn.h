// Pictures drawn from counters: no files, any number, the same on every machine.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/data/images/image_set.h"

namespace trireme::data {

enum class Drawing : std::uint8_t {
  digits,   // grey, ten classes
  letters,  // grey, 26 classes
  shapes,   // colour, with masks: 0 background, 1 discs, 2 squares, 3 triangles
};
std::int64_t classes_of(Drawing drawing);

struct DrawnOptions {
  Drawing drawing = Drawing::digits;
  std::int64_t samples = 10000;
  std::int64_t size = 28;  // height and width, at least 8 pixels
  float rotate = 15.0f;    // digits and letters: turned by at most so many degrees, either way
  float shift = 2.0f;      // ... and moved by at most so many pixels
  float noise = 0.15f;     // largest change of a pixel, of a range of 1
  std::uint64_t seed = 0;
};

// In memory. Picture i is a function of (seed, i) alone.
std::shared_ptr<const ImageSet> draw(const DrawnOptions& options);

}  // namespace trireme::data
