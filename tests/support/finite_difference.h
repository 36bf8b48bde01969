// Gradients by central differences, to hold computed gradients against.
#pragma once

#include <functional>
#include <utility>

#include "tests/support/host_values.h"

namespace trireme::test {

// d f / d x for every element of `x` (f64 or f32): (f(x + h) - f(x - h)) / 2 h, improved by Richardson's
// extrapolation with h / 2 so that the error falls with h^4. `f` reads `x` itself; x is as before on return.
// With f64 throughout, h = 1e-3 leaves about 1e-10; with f32 values in between, h = 1e-1 or 1e-2 leaves about 1e-4.
inline Values finite_difference(Tensor& x, const std::function<double()>& f, double h = 1e-3) {
  const Values start = values_of(x);
  const auto value_at = [&](std::size_t i, double moved) {
    Values values = start;
    values[i] = moved;
    const Tensor changed = tensor_of(x.device(), values, x.shape(), x.dtype());
    x.device().copy_from_host(x.raw(), changed.raw(), x.bytes());
    const Values taken = values_of(x);  // after rounding
    return std::pair{f(), taken[i]};
  };
  const auto slope = [&](std::size_t i, double step) {
    const auto [above, high] = value_at(i, start[i] + step);
    const auto [below, low] = value_at(i, start[i] - step);
    return (above - below) / (high - low);
  };
  Values gradient;
  for (std::size_t i = 0; i < start.size(); ++i) gradient.push_back((4 * slope(i, h / 2) - slope(i, h)) / 3);
  const Tensor before = tensor_of(x.device(), start, x.shape(), x.dtype());
  x.device().copy_from_host(x.raw(), before.raw(), x.bytes());
  return gradient;
}

}  // namespace trireme::test
