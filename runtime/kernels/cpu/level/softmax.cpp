#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/cpu/level/row_softmax.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

template <class S>
void softmax_row(typename S::Element* y, const typename S::Element* x, std::int64_t columns, bool log) {
  const LogSum stats = log_sum_exp<S>(x, columns);
  if (log) {
    for_lanes(columns, [=](std::int64_t c, auto count) {
      store<S>(y + c, (load<S>(x + c, count) - stats.largest) - stats.log_total, count);
    });
    return;
  }
  const float factor = 1.0f / stats.total;
  for_lanes(columns, [=](std::int64_t c, auto count) {
    store<S>(y + c, exp_of_nonpositive(load<S>(x + c, count) - stats.largest) * factor, count);
  });
}

template <class S>
void softmax_grad_row(typename S::Element* dx, const typename S::Element* dy, const typename S::Element* y,
                      std::int64_t columns, bool log) {
  Floats sums = zeros();
  for_lanes(columns, [&](std::int64_t c, auto count) {
    const Floats g = load<S>(dy + c, count);
    sums += log ? g : g * load<S>(y + c, count);
  });
  const float total = sum_of(sums);
  for_lanes(columns, [=](std::int64_t c, auto count) {
    const Floats g = load<S>(dy + c, count), out = load<S>(y + c, count);
    store<S>(dx + c, log ? g - exp(out) * total : out * (g - total), count);
  });
}

}  // namespace

void softmax(Array y, Array x, std::int64_t columns, bool log, Range rows) {
  with_storage(x.dtype, [&]<class S>(S) {
    using Element = typename S::Element;
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      softmax_row<S>(static_cast<Element*>(y.data) + row * columns, static_cast<const Element*>(x.data) + row * columns,
                     columns, log);
  });
}

void softmax_grad(Array dx, Array dy, Array y, std::int64_t columns, bool log, Range rows) {
  with_storage(y.dtype, [&]<class S>(S) {
    using Element = typename S::Element;
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      softmax_grad_row<S>(static_cast<Element*>(dx.data) + row * columns,
                          static_cast<const Element*>(dy.data) + row * columns,
                          static_cast<const Element*>(y.data) + row * columns, columns, log);
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
