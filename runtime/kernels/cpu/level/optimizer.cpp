#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"
#include "runtime/kernels/formulas/update_rules.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

template <UpdateRule rule, class Compute>
void update_range(const UpdateArrays& arrays, const Update& how, Range range) {
  constexpr bool has_first = formulas::has_first_moment(rule), has_second = formulas::has_second_moment(rule);
  auto* compute = static_cast<typename Compute::Element*>(arrays.compute.data);
  for_lanes(range.end - range.begin, [&](std::int64_t i, auto count) {
    const std::int64_t at = range.begin + i;
    formulas::Moments<Floats> moments{zeros(), zeros()};
    if constexpr (has_first) moments.first = load<F32>(arrays.moment1 + at, count);
    if constexpr (has_second) moments.second = load<F32>(arrays.moment2 + at, count);
    const Floats w = load<F32>(arrays.weights + at, count);
    const Floats gradient = formulas::effective_gradient(load<F32>(arrays.gradient + at, count), w, how);
    const Floats next = formulas::stepped<rule>(w, gradient, moments, how);
    store<F32>(arrays.weights + at, next, count);
    if constexpr (has_first) store<F32>(arrays.moment1 + at, moments.first, count);
    if constexpr (has_second) store<F32>(arrays.moment2 + at, moments.second, count);
    if (compute) store<Compute>(compute + at, next, count);
  });
}

}  // namespace

void update(const UpdateArrays& arrays, const Update& how, Range range) {
  formulas::with_rule(how.rule, [&]<class C>(C) {
    with_storage(arrays.compute.dtype, [&]<class S>(S) { update_range<C::value, S>(arrays, how, range); });
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
