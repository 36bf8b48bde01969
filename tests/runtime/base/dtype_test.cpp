#include "runtime/base/dtype.h"

#include <gtest/gtest.h>

#include <sstream>

namespace trireme::test {
namespace {

struct Known {
  DType dtype;
  std::string_view name;
  std::int64_t size;
  bool floating;
};
constexpr Known table[] = {{DType::f32, "f32", 4, true}, {DType::bf16, "bf16", 2, true}, {DType::f16, "f16", 2, true},
                           {DType::f64, "f64", 8, true}, {DType::i32, "i32", 4, false},  {DType::i64, "i64", 8, false},
                           {DType::u8, "u8", 1, false},  {DType::u16, "u16", 2, false}};

TEST(DTypes, NamesSizesAndKinds) {
  for (const Known& known : table) {
    EXPECT_EQ(name_of(known.dtype), known.name);
    EXPECT_EQ(dtype_from_name(known.name), known.dtype);
    EXPECT_EQ(size_of(known.dtype), known.size) << known.name;
    EXPECT_EQ(is_floating(known.dtype), known.floating) << known.name;
    std::ostringstream text;
    text << known.dtype;
    EXPECT_EQ(text.str(), known.name);
  }
}

TEST(DTypes, CppTypesHaveTheirSizes) {
  EXPECT_EQ(static_cast<std::int64_t>(sizeof(BFloat16)), size_of(dtype_of<BFloat16>));
  EXPECT_EQ(static_cast<std::int64_t>(sizeof(Float16)), size_of(dtype_of<Float16>));
  EXPECT_EQ(dtype_of<float>, DType::f32);
  EXPECT_EQ(dtype_of<double>, DType::f64);
  EXPECT_EQ(dtype_of<std::int32_t>, DType::i32);
  EXPECT_EQ(dtype_of<std::int64_t>, DType::i64);
  EXPECT_EQ(dtype_of<std::uint8_t>, DType::u8);
  EXPECT_EQ(dtype_of<std::uint16_t>, DType::u16);
}

TEST(DTypes, AnUnknownNameIsAnErrorThatListsThem) {
  try {
    dtype_from_name("fp32");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[dtype] expected f32, bf16, f16, f64, i32, i64, u8 or u16, found fp32");
  }
}

TEST(DTypes, VisitTakesComputeTypesAlone) {
  const auto size = [](auto value) { return sizeof(value); };
  EXPECT_EQ(visit_compute_type("here", DType::f32, size), 4u);
  EXPECT_EQ(visit_compute_type("here", DType::bf16, size), 2u);
  EXPECT_EQ(visit_compute_type("here", DType::f16, size), 2u);
  for (DType other : {DType::f64, DType::i32, DType::i64, DType::u8, DType::u16})
    EXPECT_THROW(visit_compute_type("here", other, size), Error) << other;
}

}  // namespace
}  // namespace trireme::test
