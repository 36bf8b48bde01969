// Blocked attention (Dao et al. 2022): per tile of queries, the tiles of keys pass by and only the running maximum, sum
// and output of each query are kept. Scores are in units of log 2, so that e^x is 2^x: the factor is in the queries.
#include "runtime/kernels/cpu/level/attention_pack.h"
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/cpu/level/tile.h"
#include "runtime/kernels/cpu/level/words.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

constexpr float lowest = -__builtin_inff();

// What is kept for a tile of queries.
struct State {
  alignas(64) float scores[tile * tile];
  alignas(64) float sums[tile * lanes];
  alignas(64) float largest[tile];
  alignas(64) float factors[tile];  // what a tile's arrival multiplies earlier sums with
};

// The number of keys of the tile at `begin` that query i sees, 0 to tile.
[[gnu::always_inline]] inline std::int64_t seen(const AttentionForward& head, std::int64_t i, std::int64_t begin) {
  const std::int64_t last = head.causal ? head.first + i + 1 : head.keys;
  const std::int64_t end = (last < head.keys ? last : head.keys) - begin;
  return end < 0 ? 0 : (end < tile ? end : tile);
}

// scores = queries keys^T, columns that no query of a strip sees left out.
void score(State& s, const float* queries, const float* keys, const AttentionForward& head, std::int64_t i,
           std::int64_t rows, std::int64_t begin) {
  const std::int64_t width = padded(head.width, lanes);
  for (std::int64_t row = 0; row < rows; row += tile_rows) {
    const std::int64_t height = rows - row < tile_rows ? rows - row : tile_rows;
    const std::int64_t columns = padded(seen(head, i + row + height - 1, begin), lanes);
    multiply({.a = queries + row * width,
              .a_row = width,
              .a_step = 1,
              .b = keys,
              .b_row = tile,
              .c = s.scores + row * tile,
              .c_row = tile,
              .rows = height,
              .columns = columns,
              .depth = width});
  }
}

// Lanes beyond the `count`th of a row are not seen.
[[gnu::always_inline]] inline Floats visible(const float* row, std::int64_t c, std::int64_t count) {
  const Floats x = load<F32>(row + c);
  if (c + lanes <= count) return x;
  const Floats index = pieces([](int at) {
    NativeFloat v{};
    for (int l = 0; l < native_lanes; ++l) v[l] = static_cast<float>(at + l);
    return v;
  });
  return if_less(index, all(static_cast<float>(count - c)), x, all(lowest));
}

// The new maxima, and the factors for what was summed under the old ones.
void raise_maxima(State& s, const AttentionForward& head, std::int64_t i, std::int64_t rows, std::int64_t begin) {
  alignas(64) float before[tile];
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t count = seen(head, i + r, begin);
    Floats top = all(lowest);
    for (std::int64_t c = 0; c < count; c += lanes) top = larger(visible(s.scores + r * tile, c, count), top);
    const float found = largest_of(top);
    before[r] = s.largest[r];
    s.largest[r] = found > before[r] ? found : before[r];
  }
  for (std::int64_t r = rows; r < padded(rows, lanes); ++r) before[r] = s.largest[r] = 0;
  for (std::int64_t r = 0; r < rows; r += lanes) {
    const Floats change = load<F32>(before + r) - load<F32>(s.largest + r);
    store<F32>(s.factors + r, exp2_of_nonpositive(change));
  }
}

// Scores become unnormalised probabilities; those not seen become 0.
void exponentiate(State& s, const AttentionForward& head, std::int64_t i, std::int64_t rows, std::int64_t begin) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t count = seen(head, i + r, begin);
    float* row = s.scores + r * tile;
    const Floats centre = all(s.largest[r]);
    Floats sum = load<F32>(s.sums + r * lanes) * s.factors[r];
    for (std::int64_t c = 0; c < tile; c += lanes) {
      if (c >= count) {
        store<F32>(row + c, zeros());
        continue;
      }
      const Floats p = exp2_of_nonpositive(visible(row, c, count) - centre);
      sum += p;
      store<F32>(row + c, p);
    }
    store<F32>(s.sums + r * lanes, sum);
  }
}

void drop(State& s, const AttentionForward& head, std::int64_t i, std::int64_t rows, std::int64_t begin) {
  const float factor = 1.0f / (1.0f - head.dropout.probability);
  alignas(64) std::uint32_t words[tile];
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t first = head.dropout.first + (i + r) * head.keys + begin;
    random_words(words, head.dropout.key, static_cast<std::uint64_t>(first), tile);
    for (std::int64_t c = 0; c < tile; c += lanes) {
      float* p = s.scores + r * tile + c;
      store<F32>(p, if_less(unit_floats(words + c), all(head.dropout.probability), zeros(), load<F32>(p) * factor));
    }
  }
}

// out = factors out + probabilities values.
void gather(State& s, float* out, const float* values, const AttentionForward& head, std::int64_t i, std::int64_t rows,
            std::int64_t begin) {
  const std::int64_t width = padded(head.width, lanes);
  for (std::int64_t row = 0; row < rows; row += tile_rows) {
    const std::int64_t height = rows - row < tile_rows ? rows - row : tile_rows;
    multiply({.a = s.scores + row * tile,
              .a_row = tile,
              .a_step = 1,
              .b = values,
              .b_row = width,
              .c = out + row * width,
              .c_row = width,
              .rows = height,
              .columns = width,
              .depth = seen(head, i + row + height - 1, begin),
              .add = begin > 0,
              .factors = s.factors + row});
  }
}

void finish(State& s, const float* out, const AttentionForward& head, std::int64_t i, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float sum = sum_of(load<F32>(s.sums + r * lanes));
    s.factors[r] = 1.0f / sum;
    if (head.lse) head.lse[i + r] = (s.largest[r] + __builtin_log2f(sum)) * ln_2;
  }
  unpack_rows(head.out, out, i, rows, head.width, s.factors, 1.0f);
}

}  // namespace

void attention(const AttentionForward& head) {
  const std::int64_t width = padded(head.width, lanes), key_tiles = padded(head.keys, tile) / tile;
  float* queries = head.scratch;
  float* out = queries + tile * width;
  float* keys = out + tile * width;
  float* values = keys + key_tiles * tile * width;
  for (std::int64_t begin = 0; begin < head.keys; begin += tile) {
    const std::int64_t count = head.keys - begin < tile ? head.keys - begin : tile;
    pack_columns(keys + begin * width, head.key, begin, count, head.width);
    pack_rows(values + begin * width, head.value, begin, count, head.width, 1.0f);
  }
  State s;
  for (std::int64_t i = 0; i < head.queries; i += tile) {
    const std::int64_t rows = head.queries - i < tile ? head.queries - i : tile;
    pack_rows(queries, head.query, i, rows, head.width, head.scale * log2_e);
    for (std::int64_t r = 0; r < tile; ++r) s.largest[r] = lowest;
    for (std::int64_t k = 0; k < tile * lanes; ++k) s.sums[k] = 0;
    for (std::int64_t begin = 0; begin < head.keys && seen(head, i + rows - 1, begin) > 0; begin += tile) {
      score(s, queries, keys + begin * width, head, i, rows, begin);
      raise_maxima(s, head, i, rows, begin);
      exponentiate(s, head, i, rows, begin);
      if (head.dropout.probability > 0) drop(s, head, i, rows, begin);
      gather(s, out, values + begin * width, head, i, rows, begin);
    }
    finish(s, out, head, i, rows);
  }
}

}  // namespace trireme::cpu::TRIREME_LEVEL
