// The gradient of blocked attention (Dao et al. 2022, algorithm 4): probabilities are computed anew from the logarithm
// of their denominators. With P the probabilities, M the dropout mask, delta_i = dO_i . O_i and scores S:
//   dV = (M P)^T dO,  dS = P (M (dO V^T) - delta),  dQ = scale dS K,  dK = scale dS^T Q.
// Key tiles are the outer loop and query tiles the inner one, so every sum has one order.
#include "runtime/kernels/cpu/level/attention_pack.h"
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/cpu/level/tile.h"
#include "runtime/kernels/cpu/level/words.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// Packed tensors of one key/value head and one of its query heads; rows are padded to sixteen columns.
struct Packed {
  float *keys_across, *values_across;  // transposed tiles
  float *keys, *dkeys, *dvalues;       // (length, width)
  float *queries, *dout, *dqueries;    // (length, width); queries in units of log 2
  float *delta, *lse;                  // (length); lse in units of log 2
  std::int64_t width;
};

Packed lay_out(float* scratch, std::int64_t length, std::int64_t head_width) {
  const std::int64_t width = padded(head_width, lanes), rows = padded(length, tile), size = rows * width;
  return {scratch,
          scratch + size,
          scratch + 2 * size,
          scratch + 3 * size,
          scratch + 4 * size,
          scratch + 5 * size,
          scratch + 6 * size,
          scratch + 7 * size,
          scratch + 8 * size,
          scratch + 8 * size + rows,
          width};
}

// One pair of tiles: `rows` queries from i, `columns` keys from j.
struct Pair {
  std::int64_t i, j, rows, columns;
  bool diagonal;  // causal, and i == j
  alignas(64) float p[tile * tile];
  alignas(64) float ds[tile * tile];
};

// How many columns of the pair the queries up to `row` see.
[[gnu::always_inline]] inline std::int64_t seen(const Pair& pair, std::int64_t row) {
  return pair.diagonal && row + 1 < pair.columns ? row + 1 : pair.columns;
}

// p = queries keys^T and ds = dout values^T.
void scores(Pair& pair, const Packed& at) {
  const std::int64_t width = at.width;
  for (std::int64_t row = 0; row < pair.rows; row += tile_rows) {
    const std::int64_t height = pair.rows - row < tile_rows ? pair.rows - row : tile_rows;
    Product product{.a = at.queries + (pair.i + row) * width,
                    .a_row = width,
                    .a_step = 1,
                    .b = at.keys_across + pair.j * width,
                    .b_row = tile,
                    .c = pair.p + row * tile,
                    .c_row = tile,
                    .rows = height,
                    .columns = padded(seen(pair, row + height - 1), lanes),
                    .depth = width};
    multiply(product);
    product.a = at.dout + (pair.i + row) * width;
    product.b = at.values_across + pair.j * width;
    product.c = pair.ds + row * tile;
    multiply(product);
  }
}

[[gnu::always_inline]] inline Floats first_lanes(Floats x, std::int64_t count) {
  if (count >= lanes) return x;
  const Floats index = pieces([](int at) {
    NativeFloat v{};
    for (int l = 0; l < native_lanes; ++l) v[l] = static_cast<float>(at + l);
    return v;
  });
  return if_less(index, all(static_cast<float>(count)), x, zeros());
}

// From scores to probabilities p (dropped ones, for dV) and the scores' gradients ds.
template <bool with_dropout>
void differentiate(Pair& pair, const Packed& at, const AttentionBackward& heads, std::int64_t head) {
  const float keep = 1.0f / (1.0f - heads.dropout.probability);
  alignas(64) std::uint32_t words[tile];
  for (std::int64_t r = 0; r < pair.rows; ++r) {
    const std::int64_t i = pair.i + r, count = seen(pair, r);
    const Floats lse = all(at.lse[i]), delta = all(at.delta[i]);
    float *p = pair.p + r * tile, *ds = pair.ds + r * tile;
    if constexpr (with_dropout) {
      const std::int64_t first = heads.dropout.first + (head * heads.length + i) * heads.length + pair.j;
      random_words(words, heads.dropout.key, static_cast<std::uint64_t>(first), tile);
    }
    for (std::int64_t c = 0; c < tile; c += lanes) {
      if (c >= count) {
        store<F32>(p + c, zeros());
        store<F32>(ds + c, zeros());
        continue;
      }
      const Floats probability = first_lanes(exp2_of_nonpositive(load<F32>(p + c) - lse), count - c);
      Floats kept = probability, upstream = load<F32>(ds + c);
      if constexpr (with_dropout) {
        const Floats mask = if_less(unit_floats(words + c), all(heads.dropout.probability), zeros(), all(keep));
        kept = kept * mask;
        upstream = upstream * mask;
      }
      store<F32>(p + c, kept);
      store<F32>(ds + c, probability * (upstream - delta));
    }
  }
}

// dV_j += p^T dO_i, dK_j += ds^T Q_i, dQ_i += ds K_j. On the diagonal, key j has no query before it.
void accumulate(const Pair& pair, const Packed& at) {
  const std::int64_t width = at.width;
  for (std::int64_t row = 0; row < pair.columns; row += tile_rows) {
    const std::int64_t height = pair.columns - row < tile_rows ? pair.columns - row : tile_rows;
    const std::int64_t skip = pair.diagonal ? (row < pair.rows ? row : pair.rows) : 0;
    Product product{.a = pair.p + skip * tile + row,
                    .a_row = 1,
                    .a_step = tile,
                    .b = at.dout + (pair.i + skip) * width,
                    .b_row = width,
                    .c = at.dvalues + (pair.j + row) * width,
                    .c_row = width,
                    .rows = height,
                    .columns = width,
                    .depth = pair.rows - skip,
                    .add = true};
    multiply(product);
    product.a = pair.ds + skip * tile + row;
    product.b = at.queries + (pair.i + skip) * width;
    product.c = at.dkeys + (pair.j + row) * width;
    multiply(product);
  }
  for (std::int64_t row = 0; row < pair.rows; row += tile_rows) {
    const std::int64_t height = pair.rows - row < tile_rows ? pair.rows - row : tile_rows;
    multiply({.a = pair.ds + row * tile,
              .a_row = tile,
              .a_step = 1,
              .b = at.keys + pair.j * width,
              .b_row = width,
              .c = at.dqueries + (pair.i + row) * width,
              .c_row = width,
              .rows = height,
              .columns = width,
              .depth = seen(pair, row + height - 1),
              .add = true});
  }
}

void clear(float* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] = 0;
}

Head moved(Head head, std::int64_t by) {
  head.offset += by;
  return head;
}

void pack_keys(const Packed& at, const AttentionBackward& heads) {
  for (std::int64_t j = 0; j < heads.length; j += tile) {
    const std::int64_t count = heads.length - j < tile ? heads.length - j : tile;
    pack_columns(at.keys_across + j * at.width, heads.key, j, count, heads.width);
    pack_columns(at.values_across + j * at.width, heads.value, j, count, heads.width);
  }
  pack_rows(at.keys, heads.key, 0, heads.length, heads.width, 1.0f);
  clear(at.dkeys, heads.length * at.width);
  clear(at.dvalues, heads.length * at.width);
}

void pack_queries(const Packed& at, const AttentionBackward& heads, std::int64_t head) {
  const std::int64_t by = head * heads.width, length = heads.length;
  pack_rows(at.queries, moved(heads.query, by), 0, length, heads.width, heads.scale * log2_e);
  pack_rows(at.dout, moved(heads.dout, by), 0, length, heads.width, 1.0f);
  row_dots(at.delta, moved(heads.dout, by), moved(heads.out, by), 0, length, heads.width);
  for (std::int64_t i = 0; i < length; ++i) at.lse[i] = heads.lse[head * length + i] * log2_e;
  clear(at.dqueries, length * at.width);
}

}  // namespace

void attention_grad(const AttentionBackward& heads) {
  const Packed at = lay_out(heads.scratch, heads.length, heads.width);
  const std::int64_t length = heads.length;
  Pair pair;
  pack_keys(at, heads);
  for (std::int64_t head = 0; head < heads.group; ++head) {
    pack_queries(at, heads, head);
    for (pair.j = 0; pair.j < length; pair.j += tile) {
      pair.columns = length - pair.j < tile ? length - pair.j : tile;
      for (pair.i = heads.causal ? pair.j : 0; pair.i < length; pair.i += tile) {
        pair.rows = length - pair.i < tile ? length - pair.i : tile;
        pair.diagonal = heads.causal && pair.i == pair.j;
        scores(pair, at);
        if (heads.dropout.probability > 0)
          differentiate<true>(pair, at, heads, head);
        else
          differentiate<false>(pair, at, heads, head);
        accumulate(pair, at);
      }
    }
    unpack_rows(moved(heads.dquery, head * heads.width), at.dqueries, 0, length, heads.width, nullptr, heads.scale);
  }
  unpack_rows(heads.dkey, at.dkeys, 0, length, heads.width, nullptr, ln_2);
  unpack_rows(heads.dvalue, at.dvalues, 0, length, heads.width, nullptr, 1.0f);
}

}  // namespace trireme::cpu::TRIREME_LEVEL
