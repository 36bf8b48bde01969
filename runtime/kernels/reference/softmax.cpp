#include <algorithm>
#include <cmath>

#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {

void ReferenceKernels::softmax(Tensor& y, const Tensor& x, bool log) {
  const std::int64_t rows = rows_of(x), columns = columns_of(x);
  Values values = load(x);
  for (std::int64_t r = 0; r < rows; ++r) {
    double* row = values.data() + r * columns;
    const double largest = *std::max_element(row, row + columns);
    double total = 0;
    for (std::int64_t c = 0; c < columns; ++c) total += std::exp(row[c] - largest);
    for (std::int64_t c = 0; c < columns; ++c)
      row[c] = log ? row[c] - largest - std::log(total) : std::exp(row[c] - largest) / total;
  }
  store(y, values);
}

// softmax:     dx = y (dy - sum of dy y)
// log-softmax: dx = dy - e^y sum of dy
void ReferenceKernels::softmax_grad(Tensor& dx, const Tensor& dy, const Tensor& y, bool log) {
  const std::int64_t rows = rows_of(y), columns = columns_of(y);
  Values gradient = load(dy);
  const Values output = load(y);
  for (std::int64_t r = 0; r < rows; ++r) {
    double* g = gradient.data() + r * columns;
    const double* out = output.data() + r * columns;
    double total = 0;
    for (std::int64_t c = 0; c < columns; ++c) total += log ? g[c] : g[c] * out[c];
    for (std::int64_t c = 0; c < columns; ++c) g[c] = log ? g[c] - std::exp(out[c]) * total : out[c] * (g[c] - total);
  }
  store(dx, gradient);
}

}  // namespace trireme::reference
