// Stochastic rounding to bf16.
#pragma once

#include <bit>
#include <cstdint>

#include "runtime/base/host_device.h"

namespace trireme::formulas {

// x as one of the two bf16 numbers beside it, drawn with the upper 16 bits of `word` so that the mean over all words is
// x: what is added to the bits that go carries into those that stay as often as they are large. Numbers of bf16, and
// what is not finite, stay as they are.
TRIREME_HOST_DEVICE constexpr float rounded_at_random(float x, std::uint32_t word) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) return x;
  return std::bit_cast<float>((bits + (word >> 16)) & 0xffff0000u);
}

}  // namespace trireme::formulas
