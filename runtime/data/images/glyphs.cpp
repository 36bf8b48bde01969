#include "runtime/data/images/glyphs.h"

#include <array>
#include <cstddef>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

// Lines of points "xy", x from 0 to 8 and y from 0 to c (12), a space between two lines.
constexpr std::array<std::string_view, 36> outlines{
    "406183896b4c2b09032140",          // 0
    "23404c 2c6c",                     // 1
    "031130507183850c8c",              // 2
    "02206082846636 66888a6c2c0a",     // 3
    "6c600888",                        // 4
    "8010063565878a6c2c0a",            // 5
    "71502105092c6c8a87652507",        // 6
    "00803c",                          // 7
    "4614123050727446080a2c6c8a8846",  // 8
    "1b3c6b878360200205276785",        // 9
    "0c408c 2868",                     // A
    "0c005072745606 56888a6c0c",       // B
    "82602003092c6c8a",                // C
    "005083895c0c00",                  // D
    "80000c8c 0666",                   // E
    "80000c 0666",                     // F
    "82602003092c6c898656",            // G
    "000c 808c 0686",                  // H
    "2060 404c 2c6c",                  // I
    "80896c2c09",                      // J
    "000c 80068c",                     // K
    "000c8c",                          // L
    "0c0047808c",                      // M
    "0c008c80",                        // N
    "406183896b4c2b09032140",          // O
    "0c006082846606",                  // P
    "406183896b4c2b09032140 598c",     // Q
    "0c006082846606 468c",             // R
    "82602002042666888a6c2c0a",        // S
    "0080 404c",                       // T
    "00092c6c8980",                    // U
    "004c80",                          // V
    "002c456c80",                      // W
    "008c 800c",                       // X
    "004680 464c",                     // Y
    "00800c8c",                        // Z
};

struct Point {
  float y, x;
};

Point point(std::string_view xy) {
  const auto number = [](char c) { return static_cast<float>(c <= '9' ? c - '0' : c - 'a' + 10); };
  return {number(xy[1]) / 12.0f, number(xy[0]) / 12.0f};
}

}  // namespace

std::vector<Stroke> strokes_of(char glyph) {
  const std::size_t digit = digits.find(glyph), letter = letters.find(glyph);
  if (digit == digits.npos && letter == letters.npos) fail("data", "no strokes for the character", glyph);
  const std::string_view outline = outlines[digit != digits.npos ? digit : digits.size() + letter];
  std::vector<Stroke> strokes;
  for (std::size_t at = 0; at + 3 < outline.size(); at += 2) {
    if (outline[at + 2] == ' ') {  // the next line
      ++at;
      continue;
    }
    const Point a = point(outline.substr(at, 2)), b = point(outline.substr(at + 2, 2));
    strokes.push_back({a.y, a.x, b.y, b.x});
  }
  return strokes;
}

}  // namespace trireme::data
