// Sizes that come from outside, multiplied without overflow.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/dtype.h"

namespace trireme {

// More than any machine has, and little enough that a few of them can be added.
inline constexpr std::int64_t most_bytes = std::int64_t{1} << 60;

// Bytes of `shape` elements. Throws Error, about `what`, for more than most_bytes.
std::int64_t checked_bytes(std::string_view where, std::string_view what, std::span<const std::int64_t> shape,
                           DType dtype);

}  // namespace trireme
