#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

struct Size {
  std::int64_t batch, length, heads, kv_heads, width;
};

// One row, odd lengths and widths, lengths around block sizes, grouped and single key/value heads.
constexpr Size sizes[] = {{1, 1, 1, 1, 1},    {2, 3, 2, 2, 4},   {1, 17, 3, 3, 17},
                          {2, 63, 2, 1, 16},  {1, 65, 4, 2, 64}, {2, 65, 1, 1, 3},
                          {1, 130, 2, 2, 32}, {1, 33, 6, 2, 65}, {1, 129, 1, 1, 128}};

class AttentionTest : public KernelTest {
 protected:
  static Shape packed(const Size& z) { return {z.batch, z.length, z.heads + 2 * z.kv_heads, z.width}; }
  static Shape unpacked(const Size& z) { return {z.batch, z.length, z.heads, z.width}; }
  static Shape rows(const Size& z) { return {z.batch, z.heads, z.length}; }
  static Attention how(const Size& z, bool causal, float probability = 0) {
    return {.heads = z.heads,
            .kv_heads = z.kv_heads,
            .causal = causal,
            .scale = 1 / std::sqrt(static_cast<float>(z.width)),
            .dropout = {.probability = probability, .key = {5, 6}, .first = 1000}};
  }
  static std::string words(const Size& z, bool causal, float probability) {
    std::ostringstream text;
    text << unpacked(z) << " kv " << z.kv_heads << (causal ? " causal" : " full") << " dropout " << probability;
    return text.str();
  }

  // Forward and backward against the reference; `out` and `lse` of the backward pass are the reference's.
  void check(Argument& qkv, const Size& z, const Attention& attention, const std::string& words) {
    Argument out = output(unpacked(z)), lse = output(rows(z), DType::f32);
    both([&](Kernels& k, Side s) { k.attention(out[s], lse[s], qkv[s], attention); });
    EXPECT_TRUE(agrees(out, 1.5)) << words;
    EXPECT_TRUE(agrees(lse)) << words;

    Argument kept = input_of(values_of(out[Side::oracle]), unpacked(z), dtype());
    Argument denominators = input_of(values_of(lse[Side::oracle]), rows(z), DType::f32);
    Argument dout = input(unpacked(z)), dqkv = output(packed(z));
    both([&](Kernels& k, Side s) { k.attention_grad(dqkv[s], dout[s], qkv[s], kept[s], denominators[s], attention); });
    // The sum of dout * out is taken from a rounded `out`, and what cancels against it is multiplied by keys.
    EXPECT_TRUE(agrees(dqkv, dtype() == DType::f32 ? 2 : 8)) << words;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, AttentionTest, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(AttentionTest, ForwardAndBackwardAgree) {
  for (const Size& z : sizes) {
    for (bool causal : {true, false}) {
      for (float probability : {0.0f, 0.3f}) {
        Argument qkv = input(packed(z), {-2, 2});
        check(qkv, z, how(z, causal, probability), words(z, causal, probability));
      }
    }
  }
}

// Heads 2 and 3 of six, on their own, drop what they drop among the six.
TEST_P(AttentionTest, SomeOfTheHeadsDropWhatTheyDropAmongAll) {
  const Size all{2, 33, 6, 6, 16}, some{2, 33, 2, 2, 16};
  constexpr std::int64_t first_head = 2;
  Attention attention = how(all, true, 0.3f), part = how(some, true, 0.3f);
  const std::int64_t square = all.length * all.length;
  part.dropout.first += first_head * square;
  part.dropout.runs = {.length = some.heads * square, .stride = all.heads * square};

  Argument qkv = input(packed(all), {-2, 2}), out = output(unpacked(all)), lse = output(rows(all), DType::f32);
  both([&](Kernels& k, Side s) { k.attention(out[s], lse[s], qkv[s], attention); });
  const Values packed_values = values_of(qkv[Side::oracle]), whole = values_of(out[Side::oracle]);
  Values picked, wanted;
  for (std::int64_t row = 0; row < all.batch * all.length; ++row) {
    for (const std::int64_t slot : {2, 3, 8, 9, 14, 15})  // the queries, keys and values of the two heads
      for (std::int64_t d = 0; d < all.width; ++d)
        picked.push_back(packed_values[static_cast<std::size_t>((row * 18 + slot) * all.width + d)]);
    for (std::int64_t i = first_head * all.width; i < (first_head + some.heads) * all.width; ++i)
      wanted.push_back(whole[static_cast<std::size_t>(row * all.heads * all.width + i)]);
  }
  Argument here = input_of(picked, packed(some), dtype());
  check(here, some, part, "two of six heads");
  Argument alone = output(unpacked(some)), alone_lse = output(rows(some), DType::f32);
  both([&](Kernels& k, Side s) { k.attention(alone[s], alone_lse[s], here[s], part); });
  EXPECT_TRUE(close(values_of(alone[Side::oracle]), wanted, rounding_of(DType::f64)));
}

TEST_P(AttentionTest, StandsLargeScores) {
  const Size z{1, 65, 2, 2, 16};
  for (bool causal : {true, false}) {
    Argument qkv = input(packed(z), {-30, 30});
    Argument out = output(unpacked(z)), lse = output(rows(z), DType::f32);
    both([&](Kernels& k, Side s) { k.attention(out[s], lse[s], qkv[s], how(z, causal)); });
    // Scores of thousands: their rounding in fp32 moves the probabilities of near ties.
    EXPECT_TRUE(agrees(out, {one_rounding().relative + 1e-3, 0})) << causal;
    EXPECT_TRUE(agrees(lse)) << causal;
  }
}

TEST_P(AttentionTest, CausalOutputsDoNotSeeTheFuture) {
  const Size z{1, 66, 2, 1, 16};
  Argument qkv = input(packed(z));
  Tensor out = empty(device(), unpacked(z), dtype()), lse = empty(device(), rows(z), DType::f32);
  tested().attention(out, lse, qkv[Side::tested], how(z, true));
  const Values before = values_of(out);
  for (std::int64_t changed : {1, 33, 65}) {
    Values values = values_of(qkv[Side::tested]);
    const std::int64_t row = (z.heads + 2 * z.kv_heads) * z.width;
    for (std::int64_t i = changed * row; i < static_cast<std::int64_t>(values.size()); ++i)
      values[static_cast<std::size_t>(i)] = i % 2 == 0 ? 60 : -60;
    tested().attention(out, lse, tensor_of(device(), values, packed(z), dtype()), how(z, true));
    const Values after = values_of(out);
    const auto seen = static_cast<std::ptrdiff_t>(changed * z.heads * z.width);
    EXPECT_TRUE(std::equal(before.begin(), before.begin() + seen, after.begin())) << changed;
  }
}

TEST_P(AttentionTest, CachedGenerationAgreesWithTheWholeSequence) {
  for (const Size& z : {Size{2, 33, 4, 2, 16}, Size{1, 17, 1, 1, 3}, Size{1, 70, 3, 3, 64}}) {
    const Attention attention = how(z, true);
    Argument qkv = input({z.batch, z.length, z.heads + 2 * z.kv_heads, z.width}, {-2, 2});
    Argument whole = output(unpacked(z)), lse = output(rows(z), DType::f32);
    oracle().attention(whole[Side::oracle], lse[Side::oracle], qkv[Side::oracle], attention);
    const Values expected = values_of(whole[Side::oracle]), all = values_of(qkv[Side::oracle]);
    Argument cache = output({z.batch, z.length + 3, 2 * z.kv_heads, z.width});
    // A prompt of several positions, then one at a time, then several again.
    for (auto [begin, end] : {std::pair{0, 9}, {9, 10}, {10, 11}, {11, static_cast<int>(z.length)}}) {
      const auto part = [&](const Values& values, std::int64_t row) {
        Values result;
        for (std::int64_t b = 0; b < z.batch; ++b)
          for (std::int64_t i = begin * row; i < end * row; ++i)
            result.push_back(values[static_cast<std::size_t>(b * z.length * row + i)]);
        return result;
      };
      const std::int64_t row = (z.heads + 2 * z.kv_heads) * z.width, added = end - begin;
      Argument piece = input_of(part(all, row), {z.batch, added, z.heads + 2 * z.kv_heads, z.width}, dtype());
      Argument out = output({z.batch, added, z.heads, z.width});
      both([&](Kernels& k, Side s) { k.attention_cached(out[s], cache[s], piece[s], begin, attention); });
      EXPECT_TRUE(agrees(out, 1.5)) << begin << " to " << end;
      EXPECT_TRUE(close(values_of(out[Side::oracle]), part(expected, z.heads * z.width), rounding_of(DType::f64)))
          << begin << " to " << end;
      EXPECT_TRUE(agrees(cache, Tolerance{})) << begin << " to " << end;  // unwritten rows stay as they were
    }
  }
}

}  // namespace
}  // namespace trireme::test
