// Element types of tensors, and the two 16-bit floating-point formats as storage types.
#pragma once

#include <bit>
#include <cstdint>
#include <ostream>
#include <string_view>

#include "runtime/base/error.h"

namespace trireme {

enum class DType : std::uint8_t { f32, bf16, f16, f64, i32, i64, u8, u16 };

// Bytes per element.
constexpr std::int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16:
    case DType::f16:
    case DType::u16: return 2;
    case DType::f64:
    case DType::i64: return 8;
    case DType::u8: return 1;
  }
  return 0;
}

constexpr bool is_floating(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16 || dtype == DType::f64;
}

// "f32", "bf16", ...: the names used in job files and messages.
std::string_view name_of(DType dtype);
DType dtype_from_name(std::string_view name);
inline std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }

// bfloat16: the upper half of an fp32; conversion rounds to nearest even, NaN stays NaN.
struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  explicit constexpr BFloat16(float value) : bits(from(value)) {}
  explicit constexpr operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

 private:
  static constexpr std::uint16_t from(float value) {
    const auto raw = std::bit_cast<std::uint32_t>(value);
    if ((raw & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((raw >> 16) | 0x40u);
    return static_cast<std::uint16_t>((raw + 0x7fffu + ((raw >> 16) & 1u)) >> 16);
  }
};

// IEEE 754 binary16; conversion rounds to nearest even, overflows to infinity, keeps subnormals.
struct Float16 {
  std::uint16_t bits = 0;

  Float16() = default;
  explicit constexpr Float16(float value) : bits(from(value)) {}
  explicit constexpr operator float() const {
    const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
    const std::uint32_t exponent = (bits >> 10) & 31u;
    const std::uint32_t mantissa = bits & 0x3ffu;
    if (exponent == 31u) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
    if (exponent != 0u) return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal or zero
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }

 private:
  static constexpr std::uint16_t from(float value) {
    const auto raw = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (raw >> 16) & 0x8000u;
    const std::uint32_t magnitude = raw & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65520 and above
    if (magnitude < 0x38800000u) {                                                    // below 2^-14: subnormal
      const float scaled = std::bit_cast<float>(magnitude) * 0x1p24f;                 // exact; then round to an integer
      const auto whole = static_cast<std::uint32_t>(scaled);
      const float rest = scaled - static_cast<float>(whole);
      const bool up = rest > 0.5f || (rest == 0.5f && (whole & 1u));
      return static_cast<std::uint16_t>(sign | (whole + (up ? 1u : 0u)));
    }
    const std::uint32_t rebased = magnitude - (112u << 23);
    return static_cast<std::uint16_t>(sign | ((rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13));
  }
};

template <class T>
struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<BFloat16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<Float16> { static constexpr DType value = DType::f16; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::i32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::u8; };
template <> struct DTypeOf<std::uint16_t> { static constexpr DType value = DType::u16; };
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// Calls visit(T{}) with the C++ type of a floating-point dtype that layers compute in (f32, bf16, f16).
template <class Visit>
decltype(auto) visit_compute_type(std::string_view where, DType dtype, Visit&& visit) {
  switch (dtype) {
    case DType::f32: return visit(float{});
    case DType::bf16: return visit(BFloat16{});
    case DType::f16: return visit(Float16{});
    default: fail(where, "expected f32, bf16 or f16, found", name_of(dtype));
  }
}

}  // namespace trireme
