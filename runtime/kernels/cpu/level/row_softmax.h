// The softmax denominator of a row in one pass over memory.
#pragma once

#include "runtime/kernels/cpu/level/functions.h"

namespace trireme::cpu::TRIREME_LEVEL {

struct LogSum {
  float largest;
  float total;      // sum of e^(x - largest)
  float log_total;  // its logarithm
};

// A block of the row is brought into the first cache once: its largest element is found, then the exponentials are
// added. The running sum is rescaled when a block raises the largest (Milakov & Gimelshein 2018).
template <class S>
LogSum log_sum_exp(const typename S::Element* x, std::int64_t columns) {
  constexpr std::int64_t block = 2048;
  constexpr float lowest = -__builtin_inff();
  float largest = lowest, total = 0;
  for (std::int64_t begin = 0; begin < columns; begin += block) {
    const std::int64_t width = columns - begin < block ? columns - begin : block;
    Floats tops = all(lowest);
    for_lanes(width, [&](std::int64_t c, auto count) {
      tops = larger(only(load<S>(x + begin + c, count), count, lowest), tops);
    });
    const float top = largest_of(tops);
    if (top > largest) {
      total *= __builtin_expf(largest - top);
      largest = top;
    }
    const float centre = largest == lowest ? 0.0f : largest;
    Floats sums = zeros();
    for_lanes(width, [&](std::int64_t c, auto count) {
      sums += only(exp_of_nonpositive(load<S>(x + begin + c, count) - centre), count, 0.0f);
    });
    total += sum_of(sums);
  }
  return {largest, total, __builtin_logf(total)};
}

}  // namespace trireme::cpu::TRIREME_LEVEL
