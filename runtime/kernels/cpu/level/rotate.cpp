#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/formulas/rotation.h"

namespace trireme::cpu::TRIREME_LEVEL {

// Angles are found once for all heads of a row.
void rotate(const RotateRows& rows, Range range) {
  with_storage(rows.x.dtype, [&]<class S>(S) {
    using Element = typename S::Element;
    const std::int64_t half = rows.half, width = 2 * half;
    for (std::int64_t row = range.begin; row < range.end; ++row) {
      auto* to = static_cast<Element*>(rows.y.data) + row * rows.heads * width;
      const auto* from = static_cast<const Element*>(rows.x.data) + row * rows.heads * width;
      const std::int64_t position = rows.first + row % rows.sequence;
      for_lanes(half, [&](std::int64_t i, auto count) {
        alignas(64) float cosines[lanes] = {}, sines[lanes] = {};
        const std::int64_t here = half - i < lanes ? half - i : lanes;
        for (std::int64_t lane = 0; lane < here; ++lane) {
          const Direction direction = formulas::direction_at_position(rows.turns[i + lane], position);
          cosines[lane] = direction.cosine;
          sines[lane] = rows.inverse ? -direction.sine : direction.sine;
        }
        const Floats cosine = load<F32>(cosines), sine = load<F32>(sines);
        for (std::int64_t at = i; at < rows.rotated * width; at += width) {
          const Floats a = load<S>(from + at, count), b = load<S>(from + at + half, count);
          store<S>(to + at, a * cosine - b * sine, count);
          store<S>(to + at + half, a * sine + b * cosine, count);
        }
      });
      if (to == from) continue;
      for (std::int64_t i = rows.rotated * width; i < rows.heads * width; ++i) to[i] = from[i];
    }
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
