#include "runtime/kernels/cpu/level/attention_pack.h"

#include <xmmintrin.h>

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

template <class S>
[[gnu::always_inline]] inline typename S::Element* row_of(const Head& head, std::int64_t row) {
  return static_cast<typename S::Element*>(head.data.data) + head.offset + row * head.stride;
}

// to (columns, tile) from four rows of `from` (width), as columns at ... at + 3.
void transpose_four(float* to, const float* from, std::int64_t width, std::int64_t at) {
  for (std::int64_t d = 0; d < width; d += 4) {
    __m128 r0 = _mm_loadu_ps(from + at * width + d), r1 = _mm_loadu_ps(from + (at + 1) * width + d);
    __m128 r2 = _mm_loadu_ps(from + (at + 2) * width + d), r3 = _mm_loadu_ps(from + (at + 3) * width + d);
    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    _mm_storeu_ps(to + d * tile + at, r0);
    _mm_storeu_ps(to + (d + 1) * tile + at, r1);
    _mm_storeu_ps(to + (d + 2) * tile + at, r2);
    _mm_storeu_ps(to + (d + 3) * tile + at, r3);
  }
}

}  // namespace

void pack_rows(float* to, const Head& head, std::int64_t first, std::int64_t count, std::int64_t width, float factor) {
  const std::int64_t columns = padded(width, lanes);
  with_storage(head.data.dtype, [&]<class S>(S) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto* row = row_of<S>(head, first + i);
      for_lanes(width,
                [=](std::int64_t d, auto part) { store<F32>(to + i * columns + d, load<S>(row + d, part) * factor); });
    }
  });
}

void pack_columns(float* to, const Head& head, std::int64_t first, std::int64_t count, std::int64_t width) {
  constexpr std::int64_t most = 256, together = 16;
  alignas(64) float rows[together * most];
  const std::int64_t columns = padded(width, lanes);
  for (std::int64_t at = 0; at < tile; at += together) {
    const std::int64_t height = count - at < 0 ? 0 : (count - at < together ? count - at : together);
    pack_rows(rows, head, first + at, height, width, 1.0f);
    for (std::int64_t i = height * columns; i < together * columns; ++i) rows[i] = 0;
    for (std::int64_t i = 0; i < together; i += 4) transpose_four(to + at, rows, columns, i);
  }
}

void unpack_rows(const Head& head, const float* from, std::int64_t first, std::int64_t count, std::int64_t width,
                 const float* factors, float factor) {
  const std::int64_t columns = padded(width, lanes);
  with_storage(head.data.dtype, [&]<class S>(S) {
    for (std::int64_t i = 0; i < count; ++i) {
      auto* row = row_of<S>(head, first + i);
      const float by = factors ? factors[i] * factor : factor;
      for_lanes(width,
                [=](std::int64_t d, auto part) { store<S>(row + d, load<F32>(from + i * columns + d) * by, part); });
    }
  });
}

void row_dots(float* sums, const Head& x, const Head& y, std::int64_t first, std::int64_t count, std::int64_t width) {
  with_storage(x.data.dtype, [&]<class S>(S) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto *left = row_of<S>(x, first + i), *right = row_of<S>(y, first + i);
      Floats total = zeros();
      for_lanes(width, [&](std::int64_t d, auto part) { total += load<S>(left + d, part) * load<S>(right + d, part); });
      sums[i] = sum_of(total);
    }
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
