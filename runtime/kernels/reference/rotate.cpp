#include <cmath>
#include <complex>

#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {

void ReferenceKernels::rotate(Tensor& y, const Tensor& x, const Rotation& how) {
  Values values = load(x);
  const std::int64_t sequence = x.size(1), heads = x.size(2), width = x.size(3), half = width / 2;
  for (std::int64_t row = 0; row < x.size(0) * sequence; ++row) {
    const auto position = static_cast<double>(how.first + row % sequence);
    for (std::int64_t head = 0; head < how.heads; ++head) {
      for (std::int64_t i = 0; i < half; ++i) {
        const double frequency = std::pow(double{how.base}, -2.0 * static_cast<double>(i) / static_cast<double>(width));
        const auto turn = std::polar(1.0, how.inverse ? -position * frequency : position * frequency);
        const auto first = static_cast<std::size_t>((row * heads + head) * width + i);
        const std::size_t second = first + static_cast<std::size_t>(half);
        const auto turned = std::complex<double>(values[first], values[second]) * turn;
        values[first] = turned.real();
        values[second] = turned.imag();
      }
    }
  }
  store(y, values);
}

}  // namespace trireme::reference
