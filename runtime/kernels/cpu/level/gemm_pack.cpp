// Operands of matrix products in the order in which their tiles are read (Goto & van de Geijn 2008).
#include <xmmintrin.h>

#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

static_assert(tile_rows == 6, "pack_six() is written for six rows");
constexpr std::int64_t panel = tile_vectors * native_lanes;

// to (16, 6) from six rows of sixteen elements.
[[gnu::always_inline]] inline void pack_six(float* to, const float (*rows)[lanes]) {
  for (std::int64_t k = 0; k < lanes; k += 4) {
    __m128 r0 = _mm_load_ps(rows[0] + k), r1 = _mm_load_ps(rows[1] + k);
    __m128 r2 = _mm_load_ps(rows[2] + k), r3 = _mm_load_ps(rows[3] + k);
    const __m128 r4 = _mm_load_ps(rows[4] + k), r5 = _mm_load_ps(rows[5] + k);
    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    const __m128 low = _mm_unpacklo_ps(r4, r5), high = _mm_unpackhi_ps(r4, r5);
    float* p = to + k * tile_rows;
    _mm_storeu_ps(p, r0);
    _mm_storeu_ps(p + 4, _mm_movelh_ps(low, r1));
    _mm_storeu_ps(p + 8, _mm_shuffle_ps(r1, low, 0xee));
    _mm_storeu_ps(p + 12, r2);
    _mm_storeu_ps(p + 16, _mm_movelh_ps(high, r3));
    _mm_storeu_ps(p + 20, _mm_shuffle_ps(r3, high, 0xee));
  }
}

// Elements this many rows or lines ahead are fetched early: a panel's rows are too short for the processor to foresee.
constexpr std::int64_t ahead = 16;

template <class S>
void pack_left_rows(float* to, const typename S::Element* from, const Operand& a, float factor) {
  alignas(64) float rows[tile_rows][lanes] = {};
  for (std::int64_t i = 0; i < a.rows; i += tile_rows, to += a.columns * tile_rows)
    for (std::int64_t k = 0; k < a.columns; k += lanes) {
      const std::int64_t depth = a.columns - k < lanes ? a.columns - k : lanes;
      for (std::int64_t r = 0; r < tile_rows; ++r) {
        if (i + r >= a.rows) {
          store<F32>(rows[r], zeros());
          continue;
        }
        const auto* row = from + (i + r) * a.stride + k;
        __builtin_prefetch(row + tile_rows * a.stride);
        store<F32>(rows[r], (depth == lanes ? load<S>(row) : load<S>(row, Part{depth})) * factor);
      }
      float* place = to + k * tile_rows;
      if (depth == lanes) {
        pack_six(place, rows);
        continue;
      }
      alignas(64) float packed[lanes * tile_rows];
      pack_six(packed, rows);
      __builtin_memcpy(place, packed, static_cast<std::size_t>(depth * tile_rows) * sizeof(float));
    }
}

// The operand is stored transposed, (depth, rows): a run of a line becomes a line of several panels.
template <class S>
void pack_left_columns(float* to, const typename S::Element* from, const Operand& a, float factor) {
  constexpr std::int64_t panels = 8, run = panels * tile_rows;  // three vectors of sixteen
  static_assert(run % lanes == 0);
  alignas(64) float line[run];
  const std::int64_t depth = a.columns;
  for (std::int64_t begin = 0; begin < a.rows; begin += run, to += run * depth) {
    const std::int64_t count = a.rows - begin < run ? a.rows - begin : run;
    const std::int64_t used = (count + tile_rows - 1) / tile_rows;
    for (std::int64_t k = 0; k < depth; ++k) {
      const auto* row = from + k * a.stride + begin;
      for (std::int64_t i = 0; i < run; i += lanes) {
        __builtin_prefetch(row + ahead * a.stride + i);
        const std::int64_t here = count - i < 0 ? 0 : count - i;
        store<F32>(line + i, (here >= lanes ? load<S>(row + i) : load<S>(row + i, Part{here})) * factor);
      }
      float* place = to + k * tile_rows;
      for (std::int64_t p = 0; p < used; ++p, place += depth * tile_rows)
        __builtin_memcpy(place, line + p * tile_rows, tile_rows * sizeof(float));
    }
  }
}

// One panel of columns first ... of an operand stored (depth, columns).
template <class S>
void pack_right_rows(float* to, const typename S::Element* from, const Operand& b, std::int64_t first) {
  constexpr std::int64_t width = panel < lanes ? lanes : panel;
  alignas(64) float line[width] = {};
  const std::int64_t count = b.columns - first < panel ? b.columns - first : panel;
  for (std::int64_t k = 0; k < b.rows; ++k, to += panel) {
    const auto* row = from + k * b.stride + first;
    for (std::int64_t j = 0; j < panel; j += lanes) {
      __builtin_prefetch(row + ahead * b.stride + j);
      const std::int64_t here = count - j < 0 ? 0 : count - j;
      const Floats x = here >= lanes ? load<S>(row + j) : load<S>(row + j, Part{here});
      store<F32>((panel < lanes ? line : to) + j, x);
    }
    if (panel < lanes) __builtin_memcpy(to, line, panel * sizeof(float));
  }
}

// Sixteen rows of `across` elements from `across` rows of sixteen.
template <std::int64_t across>
[[gnu::always_inline]] inline void turn(float* to, const float (*rows)[lanes], std::int64_t depth) {
  for (std::int64_t c = 0; c < depth; c += 4)
    for (std::int64_t r = 0; r < across; r += 4) {
      __m128 r0 = _mm_load_ps(rows[r] + c), r1 = _mm_load_ps(rows[r + 1] + c);
      __m128 r2 = _mm_load_ps(rows[r + 2] + c), r3 = _mm_load_ps(rows[r + 3] + c);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(to + c * panel + r, r0);
      if (c + 1 < depth) _mm_storeu_ps(to + (c + 1) * panel + r, r1);
      if (c + 2 < depth) _mm_storeu_ps(to + (c + 2) * panel + r, r2);
      if (c + 3 < depth) _mm_storeu_ps(to + (c + 3) * panel + r, r3);
    }
}

// The same of an operand stored transposed, (columns, depth): squares of it are turned.
template <class S>
void pack_right_columns(float* to, const typename S::Element* from, const Operand& b, std::int64_t first) {
  constexpr std::int64_t across = panel < lanes ? panel : lanes;
  alignas(64) float rows[across][lanes] = {};
  for (std::int64_t k = 0; k < b.rows; k += lanes) {
    const std::int64_t depth = b.rows - k < lanes ? b.rows - k : lanes;
    for (std::int64_t j = 0; j < panel; j += across) {
      for (std::int64_t r = 0; r < across; ++r) {
        const auto* row = from + (first + j + r) * b.stride + k;
        if (first + j + r >= b.columns) {
          store<F32>(rows[r], zeros());
          continue;
        }
        __builtin_prefetch(row + 2 * lanes);
        store<F32>(rows[r], depth == lanes ? load<S>(row) : load<S>(row, Part{depth}));
      }
      if (depth == lanes)
        turn<across>(to + k * panel + j, rows, lanes);
      else
        turn<across>(to + k * panel + j, rows, depth);
    }
  }
}

}  // namespace

void pack_left(float* to, const Operand& a, float factor) {
  with_storage(a.data.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(a.data.data) + a.offset;
    if (a.transposed)
      pack_left_columns<S>(to, from, a, factor);
    else
      pack_left_rows<S>(to, from, a, factor);
  });
}

void pack_right(float* to, const Operand& b, Range panels) {
  with_storage(b.data.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(b.data.data) + b.offset;
    for (std::int64_t p = panels.begin; p < panels.end; ++p) {
      if (b.transposed)
        pack_right_columns<S>(to + p * panel * b.rows, from, b, p * panel);
      else
        pack_right_rows<S>(to + p * panel * b.rows, from, b, p * panel);
    }
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
