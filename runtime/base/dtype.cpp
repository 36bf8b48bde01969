#include "runtime/base/dtype.h"

#include <array>
#include <utility>

namespace trireme {
namespace {
constexpr std::array<std::pair<DType, std::string_view>, 8> names{{{DType::f32, "f32"},
                                                                   {DType::bf16, "bf16"},
                                                                   {DType::f16, "f16"},
                                                                   {DType::f64, "f64"},
                                                                   {DType::i32, "i32"},
                                                                   {DType::i64, "i64"},
                                                                   {DType::u8, "u8"},
                                                                   {DType::u16, "u16"}}};
}  // namespace

std::string_view name_of(DType dtype) {
  for (const auto& [value, name] : names)
    if (value == dtype) return name;
  return "unknown dtype";
}

DType dtype_from_name(std::string_view name) {
  for (const auto& [value, known] : names)
    if (known == name) return value;
  fail("dtype", "expected f32, bf16, f16, f64, i32, i64, u8 or u16, found", name);
}

}  // namespace trireme
