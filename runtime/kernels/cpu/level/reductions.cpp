#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// Sixteen sums in double.
struct DoubleSums {
  double lane[lanes] = {};

  template <class Op>
  [[gnu::always_inline]] void add(Floats x, Op op) {
    alignas(64) float value[lanes];
    store<F32>(value, x);
    for (std::int64_t i = 0; i < lanes; ++i) lane[i] += op(static_cast<double>(value[i]));
  }
  double total() const {
    double folded[lanes];
    for (std::int64_t i = 0; i < lanes; ++i) folded[i] = lane[i];
    for (std::int64_t width = lanes / 2; width > 0; width /= 2)
      for (std::int64_t i = 0; i < width; ++i) folded[i] += folded[i + width];
    return folded[0];
  }
};

template <class Op>
double sum_in_double(Array x, Range range, Op op) {
  double total = 0;
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(x.data) + range.begin;
    DoubleSums sums;
    for_lanes(range.end - range.begin, [&](std::int64_t i, auto count) { sums.add(load<S>(from + i, count), op); });
    total = sums.total();
  });
  return total;
}

// The first largest element.
template <class S>
std::int32_t first_largest(const typename S::Element* row, std::int64_t columns) {
  Floats largest = all(-__builtin_inff());
  for_lanes(columns, [&](std::int64_t c, auto count) {
    largest = larger(only(load<S>(row + c, count), count, -__builtin_inff()), largest);
  });
  const float wanted = largest_of(largest);
  std::int64_t found = columns;
  for (std::int64_t c = 0; c < columns && found == columns; c += lanes) {
    const std::int64_t count = columns - c < lanes ? columns - c : lanes;
    alignas(64) float value[lanes];
    store<F32>(value, load<S>(row + c, Part{count}));
    for (std::int64_t i = 0; i < count; ++i)
      if (value[i] == wanted && found == columns) found = c + i;
  }
  return static_cast<std::int32_t>(found == columns ? 0 : found);
}

}  // namespace

float largest_magnitude(Array x, Range range) {
  float found = 0;
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(x.data) + range.begin;
    Floats largest = zeros();
    for_lanes(range.end - range.begin,
              [&](std::int64_t i, auto count) { largest = larger(magnitude(load<S>(from + i, count)), largest); });
    found = largest_of(largest);
  });
  return found;
}

double sum(Array x, Range range) {
  return sum_in_double(x, range, [](double v) { return v; });
}

double sum_squares(Array x, Range range) {
  return sum_in_double(x, range, [](double v) { return v * v; });
}

void column_sums(Array x, std::int64_t columns, float* sums, Range rows) {
  constexpr std::int64_t together = 8;
  with_storage(x.dtype, [&]<class S>(S) {
    for (std::int64_t row = rows.begin; row < rows.end; row += together) {
      const std::int64_t height = rows.end - row < together ? rows.end - row : together;
      const auto* from = static_cast<const typename S::Element*>(x.data) + row * columns;
      for_lanes(columns, [=](std::int64_t c, auto count) {
        Floats total = load<F32>(sums + c, count);
        for (std::int64_t r = 0; r < height; ++r) total += load<S>(from + r * columns + c, count);
        store<F32>(sums + c, total, count);
      });
    }
  });
}

void argmax(std::int32_t* y, Array x, std::int64_t columns, Range rows) {
  with_storage(x.dtype, [&]<class S>(S) {
    const auto* from = static_cast<const typename S::Element*>(x.data);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) y[row] = first_largest<S>(from + row * columns, columns);
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
