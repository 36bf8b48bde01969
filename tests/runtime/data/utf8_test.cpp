#include "runtime/data/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace trireme::data {
namespace {

// By the table of RFC 3629, without any check.
std::string written(std::uint32_t point, int bytes) {
  if (bytes == 1) return {static_cast<char>(point)};
  std::string text(static_cast<std::size_t>(bytes), '\0');
  for (int i = bytes - 1; i > 0; --i, point >>= 6)
    text[static_cast<std::size_t>(i)] = static_cast<char>(0x80 | (point & 0x3f));
  text[0] = static_cast<char>((0xf00 >> bytes) | point);
  return text;
}

int shortest(std::uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

TEST(Utf8, EveryCodePointAndNothingElse) {
  for (std::uint32_t point = 0; point < 0x200000; ++point) {
    const bool valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    for (int bytes = shortest(point); bytes <= 4; ++bytes) {
      const std::string text = written(point, bytes) + "x";
      const CodePoint found = first_code_point(text);
      if (valid && bytes == shortest(point)) {
        ASSERT_EQ(found.value, point);
        ASSERT_EQ(found.bytes, static_cast<std::size_t>(bytes));
      } else {
        ASSERT_EQ(found.bytes, 0u) << std::hex << point << " in " << bytes << " bytes";
      }
    }
  }
}

TEST(Utf8, CutAndStrayBytesAreInvalid) {
  for (const char* text : {"", "\x80", "\xbf", "\xc3", "\xc3(", "\xe6\x97", "\xe6(\xa5", "\xf0\x9f\x98",
                           "\xf8\x88\x80\x80\x80", "\xfe", "\xff"})
    EXPECT_EQ(first_code_point(text).bytes, 0u) << text;
}

TEST(Utf8, TheValidPrefixEndsAtTheFirstWrongByte) {
  EXPECT_EQ(valid_prefix("caf\xc3\xa9"), 5u);
  EXPECT_EQ(valid_prefix("caf\xc3"), 3u);
  EXPECT_EQ(valid_prefix("\xff"
                         "caf"),
            0u);
  EXPECT_EQ(valid_prefix(""), 0u);
}

}  // namespace
}  // namespace trireme::data
