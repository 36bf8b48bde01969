// Digits and letters as strokes.
#pragma once

#include <string_view>
#include <vector>

namespace trireme::data {

struct Stroke {
  float y0, x0, y1, x1;  // from one point to the other
};

// The strokes of '0' to '9' and 'A' to 'Z', in a box from (0, 0) to (1, 2/3), y downwards. An Error for others.
std::vector<Stroke> strokes_of(char glyph);

inline constexpr std::string_view digits = "0123456789";
inline constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

}  // namespace trireme::data
