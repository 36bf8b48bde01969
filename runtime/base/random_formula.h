// From random words to normal numbers in straight-line fp32: no branch, no table, nothing but + - * and bit casts, so a
// compiler can turn a loop over them into vector code. Built without contraction into fused multiply-adds, every
// machine and every vector width gives the same bits.
#pragma once

#include <bit>
#include <cstdint>

namespace trireme {

// 2^exponent (1 + t) = x, 1 + t in [sqrt(1/2), sqrt(2)).
struct Binary32Parts {
  std::int32_t exponent;
  float t;
};
[[gnu::always_inline]] constexpr Binary32Parts parts_of(float x) {
  const auto raw = std::bit_cast<std::int32_t>(x);
  const std::int32_t exponent = (raw - 0x3f3504f3) >> 23;
  return {exponent, std::bit_cast<float>(raw - (exponent << 23)) - 1.0f};
}

// log(2^exponent (1 + t)).
[[gnu::always_inline]] constexpr float log_of(Binary32Parts x) {
  const float t = x.t;
  float p = -0x1.43b246p-4f;  // minimax for (log(1 + t) - t + t^2 / 2) / t^3
  p = p * t + 0x1.02814ep-3f;
  p = p * t - 0x1.0a33eap-3f;
  p = p * t + 0x1.231ce6p-3f;
  p = p * t - 0x1.54d03ep-3f;
  p = p * t + 0x1.999f14p-3f;
  p = p * t - 0x1.0000cep-2f;
  p = p * t + 0x1.555554p-2f;
  const float square = t * t;
  return static_cast<float>(x.exponent) * 0x1.62e430p-1f + (t + (square * t * p - 0.5f * square));
}

// log(u), u = ((word >> 8) + 1/2) 2^-24: the middle of the interval of unit_float(word), never 0 or 1.
// Near 1 it starts from 1 - u, which is exact where u has lost its last bit. Relative error 2e-7.
[[gnu::always_inline]] constexpr float log_of_unit(std::uint32_t word) {
  const auto step = static_cast<std::int32_t>(word >> 8);
  const float unit = (static_cast<float>(step) + 0.5f) * 0x1p-24f;
  const float missing = (static_cast<float>((1 << 24) - step) - 0.5f) * 0x1p-24f;
  Binary32Parts parts = parts_of(unit);
  parts.t = parts.exponent == 0 ? -missing : parts.t;
  return log_of(parts);
}

struct Direction {
  float cosine;
  float sine;
};
// cos and sin of so many quarter turns and an angle within pi / 4.
[[gnu::always_inline]] constexpr Direction direction_at(std::int32_t quarter, float angle) {
  const float y = angle * angle;
  const float sine = angle + angle * y * ((-0x1.9ac9b0p-13f * y + 0x1.110c28p-7f) * y - 0x1.555552p-3f);
  const float cosine = 1.0f - 0.5f * y + y * y * ((0x1.9bd89cp-16f * y - 0x1.6c12d2p-10f) * y + 0x1.555554p-5f);
  const float first = quarter & 1 ? sine : cosine;
  const float second = quarter & 1 ? cosine : sine;
  return {(quarter + 1) & 2 ? -first : first, quarter & 2 ? -second : second};
}
// cos and sin of the angle 2 pi unit_float(word).
[[gnu::always_inline]] constexpr Direction direction_of(std::uint32_t word) {
  const auto step = static_cast<std::int32_t>(word >> 8);
  const std::int32_t quarter = (step + (1 << 21)) >> 22;  // nearest quarter turn, 0 to 4
  return direction_at(quarter, static_cast<float>(step - (quarter << 22)) * 0x1.921fb6p-22f);
}

// Box & Muller 1958. Words 2 p and 2 p + 1 of a sequence give elements 2 p, radius * cosine, and 2 p + 1, radius *
// sine, where radius = sqrt(squared_radius(word 2 p)), correctly rounded, and the direction is that of word 2 p + 1.
[[gnu::always_inline]] constexpr float squared_radius(std::uint32_t word) {
  return -2.0f * log_of_unit(word);
}

// The standard normal distribution cut at two standard deviations, by inverting its distribution function:
// with s = 2 u - 1, x = sqrt(2) erfinv(s erf(sqrt(2))), a polynomial in -log(1 - s^2) times s.
[[gnu::always_inline]] constexpr float truncated_normal_of(std::uint32_t word) {
  const auto step = static_cast<std::int32_t>(word >> 8);
  const float centred = static_cast<float>(2 * step + 1 - (1 << 24)) * 0x1p-24f;
  const float s = centred * 0x1.e8b430p-1f;
  const float inside = (1.0f - s) * (1.0f + s);  // in [0.088, 1]
  const float w = -log_of(parts_of(inside));
  float r = -0x1.bad488p-18f;
  r = r * w + 0x1.836b5ep-14f;
  r = r * w - 0x1.cd82f4p-13f;
  r = r * w - 0x1.acd00cp-9f;
  r = r * w + 0x1.0b689cp-6f;
  r = r * w + 0x1.4ffe56p-2f;
  r = r * w + 0x1.40d932p+0f;
  const float x = s * r;
  return x > 2.0f ? 2.0f : (x < -2.0f ? -2.0f : x);
}

}  // namespace trireme
