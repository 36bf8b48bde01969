// Images that are halved until they are small: what networks of strided convolutions are sized by.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/error.h"

namespace trireme::models {

struct Halvings {
  std::int64_t count = 0;
  std::int64_t base = 0;  // height and width in the end: 4 to 7
};

// Of images of size x size: 4 to 7 times a power of two (8, 10, 12, 14, 16, 20, ...), else an Error.
inline Halvings halvings_of(std::int64_t size, std::string_view model) {
  Halvings halvings{.count = 0, .base = size};
  while (halvings.base % 2 == 0 && halvings.base >= 8) halvings.base /= 2, ++halvings.count;
  require(halvings.base >= 4 && halvings.base <= 7 && halvings.count >= 1, model,
          "expected a size of 4, 5, 6 or 7 times a power of two, at least 8, found", size);
  return halvings;
}

}  // namespace trireme::models
