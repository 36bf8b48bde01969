// The softmax denominator of a row in one pass over memory.
#pragma once

#include <cmath>
#include <cstdint>

#include "runtime/kernels/cuda/pack.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {

// Adds some numbers; the sum is rescaled when they raise the largest (Milakov & Gimelshein 2018).
template <int width>
__device__ void add_to_peak(Peak& peak, const float (&values)[width]) {
  float top = values[0];
  for (int i = 1; i < width; ++i) top = fmaxf(top, values[i]);
  if (top > peak.largest) {
    peak.total *= expf(peak.largest - top);
    peak.largest = top;
  }
  const float centre = peak.largest == -HUGE_VALF ? 0.0f : peak.largest;  // nothing but minus infinity so far
  for (int i = 0; i < width; ++i) peak.total += expf(values[i] - centre);
}

// Of a row of `columns` columns, `width` at a time, by its team.
template <class Rows, int width, class T>
__device__ Peak peak_of(const T* row, std::int64_t columns) {
  Peak peak{-HUGE_VALF, 0.0f};
  for (std::int64_t c = Rows::rank() * width; c < columns; c += Rows::size * width) {
    float values[width];
    load(values, row + c);
    add_to_peak(peak, values);
  }
  return Rows::over(peak, Merge{});
}

}  // namespace trireme::cuda
