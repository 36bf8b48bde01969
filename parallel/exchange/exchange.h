// Collectives with gradients: three pairs of operations, each the other's gradient.
//
// On an axis a tensor is `same` (every rank holds all of it, equal), a `part` (each rank holds other rows of it), or a
// `term` (each holds a summand of the same shape). A gradient is in the state that the pair says: what is `same`
// forwards and used by each rank for a part of the work has a `term` as its gradient.
//
//   forwards     does            state            gradient by
//   copy         nothing         same -> same     sum
//   sum          all-reduce      term -> same     copy
//   spread       all-gather      part -> same     sum_parts    each rank uses the whole for other work
//   sum_parts    reduce-scatter  term -> part     spread
//   gather       all-gather      part -> same     slice        all ranks use the whole alike
//   slice        keeps its own   same -> part     gather
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "parallel/mesh/mesh.h"
#include "runtime/autograd/context.h"

namespace trireme::parallel {

enum class Exchange : std::uint8_t { copy, sum, spread, sum_parts, gather, slice };
inline constexpr std::array all_exchanges{Exchange::copy,      Exchange::sum,    Exchange::spread,
                                          Exchange::sum_parts, Exchange::gather, Exchange::slice};
std::string_view name_of(Exchange how);
// The exchange that is the gradient.
Exchange conjugate(Exchange how);

struct ExchangePlace {
  const Axis& axis;
  std::string_view label = {};  // names the place in messages; outlives the tape
};

// The data's part of an exchange, without a tape; `mine` says that x may be overwritten. Collective.
Tensor apply(Kernels& kernels, const Tensor& x, bool mine, Exchange how, const ExchangePlace& place);

// Parts are equal ranges of x's outermost dimension, in the order of the ranks: spread and gather multiply it by the
// axis' size, sum_parts and slice divide it. Runs on the compute stream. Collective: every rank of the axis makes the
// same exchanges in the same order, and goes back through them in the same order.
Tensor exchange(Context& cx, const Tensor& x, Exchange how, const ExchangePlace& place);

}  // namespace trireme::parallel
