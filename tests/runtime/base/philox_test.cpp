#include "runtime/base/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace trireme::test {
namespace {

// The known answers that come with Salmon et al. 2011 for philox4x32-10. Our counter is {block, stream}, our key the
// seed.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0}, 0), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0ull, ~0ull}, ~0ull), (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: the digits of pi.
  EXPECT_EQ(philox({0x299f31d0a4093822u, 0x0370734413198a2eu}, 0x85a308d3243f6a88u),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, WordsAreTheElementsOfTheirBlocks) {
  const RandomKey key{5, 6};
  for (std::uint64_t index : {0ull, 1ull, 6ull, 7ull, (1ull << 40) + 2}) {
    EXPECT_EQ(random_word(key, index), philox(key, index / 4)[index % 4]);
  }
}

TEST(Philox, SeedStreamAndIndexAllMatterInAllTheirBits) {
  std::set<std::uint32_t> words{random_word({0, 0}, 0)};
  for (int bit = 0; bit < 64; ++bit) {
    words.insert(random_word({1ull << bit, 0}, 0));
    words.insert(random_word({0, 1ull << bit}, 0));
    if (bit < 62) words.insert(random_word({0, 0}, 4ull << bit));
  }
  EXPECT_EQ(words.size(), 1u + 64 + 64 + 62);
}

TEST(Philox, UnitFloatsCoverTheIntervalWithoutOne) {
  EXPECT_EQ(unit_float(0), 0.0f);
  EXPECT_EQ(unit_float(0xff), 0.0f);
  EXPECT_EQ(unit_float(0x100), 0x1p-24f);
  EXPECT_EQ(unit_float(0x80000000u), 0.5f);
  EXPECT_EQ(unit_float(~0u), 1 - 0x1p-24f);
  double mean = 0;
  constexpr int count = 100000;
  for (std::uint64_t i = 0; i < count; ++i) mean += double{unit_float(random_word({1, 2}, i))} / count;
  EXPECT_NEAR(mean, 0.5, 5 / std::sqrt(12.0 * count));
}

TEST(Philox, NamesHashAsFnv1a) {
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325u);
  EXPECT_EQ(hash_name("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hash_name("foobar"), 0x85944171f73967e8u);
  EXPECT_EQ(hash_name("bar", hash_name("foo")), hash_name("foobar"));
  static_assert(hash_name("layer.0.weight") != hash_name("layer.1.weight"));
}

}  // namespace
}  // namespace trireme::test
