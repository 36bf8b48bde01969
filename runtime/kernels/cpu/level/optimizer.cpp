#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// Where a lane's moments stand; a rule writes only those it has.
struct State {
  Floats first, second;
};

// g': scaled, clipped, with the penalties' gradients.
[[gnu::always_inline]] inline Floats effective_gradient(Floats gradient, Floats weight, const Update& how) {
  Floats g = gradient * how.gradient_scale;
  if (how.clip_value > 0) g = smaller(all(how.clip_value), larger(all(-how.clip_value), g));
  if (how.l2 != 0) g += how.l2 * weight;
  if (how.l1 != 0) g += if_greater(weight, zeros(), all(how.l1), if_less(weight, zeros(), all(-how.l1), zeros()));
  return g;
}

// The new weight. The formulas are those of optim/optimizer.h.
template <UpdateRule rule>
[[gnu::always_inline]] inline Floats stepped(Floats w, Floats g, State& s, const Update& how) {
  if constexpr (rule == UpdateRule::sgd) return w - how.lr * g;
  if constexpr (rule == UpdateRule::momentum) {
    s.first = how.momentum * s.first + g;
    return w - how.lr * s.first;
  }
  if constexpr (rule == UpdateRule::nesterov) {
    s.first = how.momentum * s.first + g;
    return w - how.lr * (g + how.momentum * s.first);
  }
  if constexpr (rule == UpdateRule::adagrad) {
    s.second = s.second + g * g;
    return w - how.lr * g / (square_root(s.second) + how.epsilon);
  }
  if constexpr (rule == UpdateRule::rmsprop) {
    s.second = how.beta2 * s.second + (1 - how.beta2) * (g * g);
    return w - how.lr * g / (square_root(s.second) + how.epsilon);
  }
  if constexpr (rule == UpdateRule::adam || rule == UpdateRule::adamw) {
    s.first = how.beta1 * s.first + (1 - how.beta1) * g;
    s.second = how.beta2 * s.second + (1 - how.beta2) * (g * g);
    const float rate = how.lr / how.bias1, correction = 1 / how.bias2;
    const Floats change = rate * s.first / (square_root(s.second * correction) + how.epsilon);
    return rule == UpdateRule::adamw ? w - (how.lr * how.weight_decay) * w - change : w - change;
  }
}

template <UpdateRule rule, class Compute>
void update_range(const UpdateArrays& arrays, const Update& how, Range range) {
  constexpr bool adaptive = rule == UpdateRule::adagrad || rule == UpdateRule::rmsprop;
  constexpr bool has_first = rule != UpdateRule::sgd && !adaptive;
  constexpr bool has_second = adaptive || rule == UpdateRule::adam || rule == UpdateRule::adamw;
  auto* compute = static_cast<typename Compute::Element*>(arrays.compute.data);
  for_lanes(range.end - range.begin, [&](std::int64_t i, auto count) {
    const std::int64_t at = range.begin + i;
    State state{zeros(), zeros()};
    if constexpr (has_first) state.first = load<F32>(arrays.moment1 + at, count);
    if constexpr (has_second) state.second = load<F32>(arrays.moment2 + at, count);
    const Floats w = load<F32>(arrays.weights + at, count);
    const Floats next =
        stepped<rule>(w, effective_gradient(load<F32>(arrays.gradient + at, count), w, how), state, how);
    store<F32>(arrays.weights + at, next, count);
    if constexpr (has_first) store<F32>(arrays.moment1 + at, state.first, count);
    if constexpr (has_second) store<F32>(arrays.moment2 + at, state.second, count);
    if (compute) store<Compute>(compute + at, next, count);
  });
}

template <UpdateRule rule>
void update_with(const UpdateArrays& arrays, const Update& how, Range range) {
  with_storage(arrays.compute.dtype, [&]<class S>(S) { update_range<rule, S>(arrays, how, range); });
}

}  // namespace

void update(const UpdateArrays& arrays, const Update& how, Range range) {
  switch (how.rule) {
    case UpdateRule::sgd: return update_with<UpdateRule::sgd>(arrays, how, range);
    case UpdateRule::momentum: return update_with<UpdateRule::momentum>(arrays, how, range);
    case UpdateRule::nesterov: return update_with<UpdateRule::nesterov>(arrays, how, range);
    case UpdateRule::adagrad: return update_with<UpdateRule::adagrad>(arrays, how, range);
    case UpdateRule::rmsprop: return update_with<UpdateRule::rmsprop>(arrays, how, range);
    case UpdateRule::adam: return update_with<UpdateRule::adam>(arrays, how, range);
    case UpdateRule::adamw: return update_with<UpdateRule::adamw>(arrays, how, range);
  }
}

}  // namespace trireme::cpu::TRIREME_LEVEL
