// Built without contraction into fused multiply-adds, so that every level draws the same bits.
#include "runtime/base/random_formula.h"
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/words.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// Philox4x32-10 as `philox` in runtime/base/philox.h, for the blocks of a few native vectors at once. A 32-bit word
// lies in the low half of a 64-bit element; what products leave in the high halves is never read.
constexpr std::int64_t native_blocks = native_lanes / 2;
constexpr std::int64_t vectors_together = native_lanes >= 8 ? 32 / native_lanes : 4;
constexpr std::int64_t batch_blocks = native_blocks * vectors_together;

NativeLong counted(std::uint64_t first) {
  NativeLong blocks{};
  for (std::int64_t i = 0; i < native_blocks; ++i) blocks[i] = first + static_cast<std::uint64_t>(i);
  return blocks;
}

// The words of blocks first ... first + batch_blocks - 1.
void draw_batch(std::uint32_t* words, RandomKey key, std::uint64_t first) {
  NativeLong x0[vectors_together], x1[vectors_together], x2[vectors_together], x3[vectors_together];
  for (std::int64_t v = 0; v < vectors_together; ++v) {
    x0[v] = counted(first + static_cast<std::uint64_t>(v * native_blocks));
    x1[v] = x0[v] >> 32;
    x2[v] = NativeLong{} + key.stream;
    x3[v] = x2[v] >> 32;
  }
  auto k0 = static_cast<std::uint32_t>(key.seed);
  auto k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 8
    for (std::int64_t v = 0; v < vectors_together; ++v) {
      const NativeLong p0 = native_multiply_low(x0[v], NativeLong{} + 0xD2511F53u);
      const NativeLong p1 = native_multiply_low(x2[v], NativeLong{} + 0xCD9E8D57u);
      x0[v] = (p1 >> 32) ^ x1[v] ^ (NativeLong{} + k0);
      x1[v] = p1;
      x2[v] = (p0 >> 32) ^ x3[v] ^ (NativeLong{} + k1);
      x3[v] = p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  constexpr std::uint64_t low = 0xffffffffu;
  for (std::int64_t v = 0; v < vectors_together; ++v) {
    NativeLong pairs[2];
    native_interleave(pairs, (x0[v] & low) | (x1[v] << 32), (x2[v] & low) | (x3[v] << 32));
    __builtin_memcpy(words + v * 4 * native_blocks, pairs, sizeof pairs);
  }
}

// Sixteen results from words[0, 16).
void uniforms(float* y, const std::uint32_t* words, float a, float b) {
  const float width = b - a;
  for (std::int64_t i = 0; i < lanes; ++i)
    y[i] = a + width * (static_cast<float>(static_cast<std::int32_t>(words[i] >> 8)) * 0x1p-24f);
}

void truncated_normals(float* y, const std::uint32_t* words, float a, float b) {
  for (std::int64_t i = 0; i < lanes; ++i) y[i] = a + b * truncated_normal_of(words[i]);
}

// words[0] belongs to an even element.
void normals(float* y, const std::uint32_t* words, float a, float b) {
  constexpr std::int64_t pairs = lanes / 2;
  float radius[pairs], cosine[pairs], sine[pairs];
  for (std::int64_t i = 0; i < pairs; ++i) {
    radius[i] = __builtin_sqrtf(squared_radius(words[2 * i]));
    const Direction direction = direction_of(words[2 * i + 1]);
    cosine[i] = direction.cosine;
    sine[i] = direction.sine;
  }
  for (std::int64_t i = 0; i < pairs; ++i) {
    y[2 * i] = a + b * (radius[i] * cosine[i]);
    y[2 * i + 1] = a + b * (radius[i] * sine[i]);
  }
}

void sixteen(float* y, const std::uint32_t* words, const RandomFill& how) {
  switch (how.distribution) {
    case Distribution::uniform: return uniforms(y, words, how.a, how.b);
    case Distribution::normal: return normals(y, words, how.a, how.b);
    case Distribution::truncated_normal: return truncated_normals(y, words, how.a, how.b);
  }
}

}  // namespace

void random_words(std::uint32_t* words, RandomKey key, std::uint64_t first, std::int64_t count) {
  const auto skip = static_cast<std::int64_t>(first % 4);
  const std::int64_t wanted = (count + lanes - 1) / lanes * lanes;
  constexpr std::int64_t batch = 4 * batch_blocks;
  alignas(64) std::uint32_t drawn[batch];
  for (std::int64_t have = -skip; have < wanted; have += batch) {
    const std::uint64_t block = first / 4 + static_cast<std::uint64_t>((have + skip) / 4);
    const bool whole = have >= 0 && have + batch <= wanted;
    draw_batch(whole ? words + have : drawn, key, block);
    if (whole) continue;
    for (std::int64_t i = have < 0 ? -have : 0; i < batch && have + i < wanted; ++i) words[have + i] = drawn[i];
  }
}

// Pairs start at even elements of the whole sequence, so the range is drawn from the even element at or before it.
void random(Array y, const RandomFill& how, Range range) {
  with_storage(y.dtype, [&]<class S>(S) {
    auto* to = static_cast<typename S::Element*>(y.data);
    alignas(64) std::uint32_t words[word_batch];
    alignas(64) float values[word_batch];
    const std::int64_t odd = (how.first + range.begin) % 2;
    for (std::int64_t begin = range.begin - odd; begin < range.end; begin += word_batch) {
      const std::int64_t count = range.end - begin < word_batch ? range.end - begin : word_batch;
      random_words(words, how.key, static_cast<std::uint64_t>(how.first + begin), count);
      for (std::int64_t i = 0; i < count; i += lanes) sixteen(values + i, words + i, how);
      const std::int64_t skip = begin < range.begin ? 1 : 0;
      for_lanes(count - skip, [&](std::int64_t i, auto part) {
        store<S>(to + begin + skip + i, load<F32>(values + skip + i, part), part);
      });
    }
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
