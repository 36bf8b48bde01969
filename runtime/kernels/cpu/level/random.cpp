// Built without contraction into fused multiply-adds, so that every level draws the same bits.
#include "runtime/base/random_formula.h"
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/words.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

constexpr std::int64_t blocks_together = 16;

// Philox4x32-10 of blocks first ... first + 15, as `philox` in runtime/base/philox.h; each loop over the sixteen
// becomes vector code.
void sixteen_blocks(std::uint32_t* words, RandomKey key, std::uint64_t first) {
  constexpr std::int64_t n = blocks_together;
  std::uint32_t x0[n], x1[n], x2[n], x3[n];
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t block = first + static_cast<std::uint64_t>(i);
    x0[i] = static_cast<std::uint32_t>(block);
    x1[i] = static_cast<std::uint32_t>(block >> 32);
    x2[i] = static_cast<std::uint32_t>(key.stream);
    x3[i] = static_cast<std::uint32_t>(key.stream >> 32);
  }
  auto k0 = static_cast<std::uint32_t>(key.seed);
  auto k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * x0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * x2[i];
      x0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ x1[i] ^ k0;
      x1[i] = static_cast<std::uint32_t>(p1);
      x2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ x3[i] ^ k1;
      x3[i] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    words[4 * i] = x0[i];
    words[4 * i + 1] = x1[i];
    words[4 * i + 2] = x2[i];
    words[4 * i + 3] = x3[i];
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
  constexpr std::int64_t batch = 4 * blocks_together;
  alignas(64) std::uint32_t drawn[batch];
  for (std::int64_t have = -skip; have < wanted; have += batch) {
    const std::uint64_t block = first / 4 + static_cast<std::uint64_t>((have + skip) / 4);
    const bool whole = have >= 0 && have + batch <= wanted;
    sixteen_blocks(whole ? words + have : drawn, key, block);
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
