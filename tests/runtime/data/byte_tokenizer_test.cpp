#include <gtest/gtest.h>

#include <numeric>

#include "runtime/base/error.h"
#include "runtime/data/tokenizer.h"

namespace trireme::data {
namespace {

TEST(ByteTokenizer, IsTheBytes) {
  const auto tokenizer = make_byte_tokenizer();
  EXPECT_EQ(tokenizer->vocabulary_size(), 256);
  EXPECT_EQ(tokenizer->encode("aé\n"), (std::vector<std::int32_t>{97, 0xc3, 0xa9, 10}));
  std::string all(256, '\0');
  std::iota(all.begin(), all.end(), '\0');
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(all)), all);
  EXPECT_TRUE(tokenizer->encode("").empty());
}

TEST(ByteTokenizer, RefusesIdsOutsideTheVocabulary) {
  const auto tokenizer = make_byte_tokenizer();
  EXPECT_THROW((void)tokenizer->decode(std::vector<std::int32_t>{65, 256}), Error);
  EXPECT_THROW((void)tokenizer->decode(std::vector<std::int32_t>{-1}), Error);
}

}  // namespace
}  // namespace trireme::data
