// UTF-8, as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trireme::data {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: the text does not begin with a valid code point
};

// The code point that `text` begins with.
CodePoint first_code_point(std::string_view text);

// Bytes of the longest valid beginning of `text`.
std::size_t valid_prefix(std::string_view text);

}  // namespace trireme::data
