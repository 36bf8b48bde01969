// The angles of rotary positions, in fixed point: a multiple of a turn is exact, however far along the sequence.
#pragma once

#include <cmath>
#include <cstdint>

#include "runtime/base/host_device.h"
#include "runtime/base/random_formula.h"

namespace trireme::formulas {

// base^(-i / half) radians, in units of 2^-64 of a turn. At least 1, base is given as its logarithm to base 2.
TRIREME_HOST_DEVICE inline std::uint64_t turn_per_position(std::int64_t i, std::int64_t half, double log2_base) {
  constexpr double units_per_radian = 0x1p64 / 6.283185307179586477;
  const double exponent = -log2_base * static_cast<double>(i) / static_cast<double>(half);
  return static_cast<std::uint64_t>(exp2(exponent) * units_per_radian);
}

// cos and sin of `position` times that.
[[gnu::always_inline]] constexpr Direction direction_at_position(std::uint64_t turn, std::int64_t position) {
  const std::uint64_t angle = turn * static_cast<std::uint64_t>(position);  // whole turns fall away
  const auto word = static_cast<std::uint32_t>((angle + 0x80000000u) >> 32);
  const std::uint32_t quarter = (word + 0x20000000u) >> 30;  // the nearest, modulo 4
  return direction_at(static_cast<std::int32_t>(quarter),
                      static_cast<float>(static_cast<std::int32_t>(word - (quarter << 30))) * 0x1.921fb6p-30f);
}

}  // namespace trireme::formulas
