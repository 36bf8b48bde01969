// The four operations of `binary`, over any number type.
#pragma once

#include "runtime/kernels/kernels.h"

namespace trireme::formulas {

template <Binary op, class N>
[[gnu::always_inline]] constexpr N combined(N a, N b) {
  if constexpr (op == Binary::add) return a + b;
  if constexpr (op == Binary::subtract) return a - b;
  if constexpr (op == Binary::multiply) return a * b;
  if constexpr (op == Binary::divide) return a / b;
}

// Calls visit with the operation as a compile-time constant: visit(Operation<op>{}).
template <Binary op>
struct Operation {
  static constexpr Binary value = op;
};
template <class Visit>
[[gnu::always_inline]] inline void with_binary(Binary op, Visit&& visit) {
  switch (op) {
    case Binary::add: return visit(Operation<Binary::add>{});
    case Binary::subtract: return visit(Operation<Binary::subtract>{});
    case Binary::multiply: return visit(Operation<Binary::multiply>{});
    case Binary::divide: return visit(Operation<Binary::divide>{});
  }
}

}  // namespace trireme::formulas
