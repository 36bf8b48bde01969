#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/formulas/activations.h"

namespace trireme::cpu::TRIREME_LEVEL {

using formulas::activated, formulas::slope, formulas::with_activation;

void gate(Array y, Array x, Activation activation, std::int64_t columns, Range rows) {
  with_storage(x.dtype, [&]<class S>(S) {
    with_activation(activation, [&]<class C>(C) {
      using Element = typename S::Element;
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        auto* to = static_cast<Element*>(y.data) + row * columns;
        const auto* a = static_cast<const Element*>(x.data) + row * 2 * columns;
        const auto* b = a + columns;
        for_lanes(columns, [=](std::int64_t c, auto count) {
          store<S>(to + c, activated<C::value>(load<S>(a + c, count)) * load<S>(b + c, count), count);
        });
      }
    });
  });
}

void gate_grad(Array dx, Array dy, Array x, Activation activation, std::int64_t columns, Range rows) {
  with_storage(x.dtype, [&]<class S>(S) {
    with_activation(activation, [&]<class C>(C) {
      using Element = typename S::Element;
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        auto* to = static_cast<Element*>(dx.data) + row * 2 * columns;
        const auto* upstream = static_cast<const Element*>(dy.data) + row * columns;
        const auto* pair = static_cast<const Element*>(x.data) + row * 2 * columns;
        for_lanes(columns, [=](std::int64_t c, auto count) {
          const Floats gradient = load<S>(upstream + c, count);
          const Floats a = load<S>(pair + c, count), b = load<S>(pair + columns + c, count);
          store<S>(to + c, gradient * b * slope<C::value>(a), count);
          store<S>(to + columns + c, gradient * activated<C::value>(a), count);
        });
      }
    });
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
