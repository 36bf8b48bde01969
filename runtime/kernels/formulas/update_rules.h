// The optimizers' rules for one element, over any number type (numbers.h). The formulas are those of optim/optimizer.h.
#pragma once

#include "runtime/kernels/formulas/numbers.h"
#include "runtime/kernels/kernels.h"

namespace trireme::formulas {

constexpr bool has_first_moment(UpdateRule rule) {
  return rule == UpdateRule::momentum || rule == UpdateRule::nesterov || rule == UpdateRule::adam ||
         rule == UpdateRule::adamw;
}
constexpr bool has_second_moment(UpdateRule rule) {
  return rule == UpdateRule::adagrad || rule == UpdateRule::rmsprop || rule == UpdateRule::adam ||
         rule == UpdateRule::adamw;
}

// A rule writes only those it has.
template <class N>
struct Moments {
  N first, second;
};

// g': scaled, clipped, with the penalties' gradients.
template <class N>
[[gnu::always_inline]] constexpr N effective_gradient(N gradient, N weight, const Update& how) {
  N g = gradient * how.gradient_scale;
  if (how.clip_value > 0) g = smaller(like(g, how.clip_value), larger(like(g, -how.clip_value), g));
  if (how.l2 != 0) g += how.l2 * weight;
  if (how.l1 != 0) {
    const N zero = like(weight, 0.0f);
    g += if_greater(weight, zero, like(g, how.l1), if_less(weight, zero, like(g, -how.l1), zero));
  }
  return g;
}

// The new weight.
template <UpdateRule rule, class N>
[[gnu::always_inline]] constexpr N stepped(N w, N g, Moments<N>& m, const Update& how) {
  if constexpr (rule == UpdateRule::sgd) return w - how.lr * g;
  if constexpr (rule == UpdateRule::momentum) {
    m.first = how.momentum * m.first + g;
    return w - how.lr * m.first;
  }
  if constexpr (rule == UpdateRule::nesterov) {
    m.first = how.momentum * m.first + g;
    return w - how.lr * (g + how.momentum * m.first);
  }
  if constexpr (rule == UpdateRule::adagrad) {
    m.second = m.second + g * g;
    return w - how.lr * g / (square_root(m.second) + how.epsilon);
  }
  if constexpr (rule == UpdateRule::rmsprop) {
    m.second = how.beta2 * m.second + (1 - how.beta2) * (g * g);
    return w - how.lr * g / (square_root(m.second) + how.epsilon);
  }
  if constexpr (rule == UpdateRule::adam || rule == UpdateRule::adamw) {
    m.first = how.beta1 * m.first + (1 - how.beta1) * g;
    m.second = how.beta2 * m.second + (1 - how.beta2) * (g * g);
    const float rate = how.lr / how.bias1, correction = 1 / how.bias2;
    const N change = rate * m.first / (square_root(m.second * correction) + how.epsilon);
    return rule == UpdateRule::adamw ? w - (how.lr * how.weight_decay) * w - change : w - change;
  }
}

// Calls visit with the rule as a compile-time constant: visit(Rule<rule>{}).
template <UpdateRule rule>
struct Rule {
  static constexpr UpdateRule value = rule;
};
template <class Visit>
[[gnu::always_inline]] inline void with_rule(UpdateRule rule, Visit&& visit) {
  switch (rule) {
    case UpdateRule::sgd: return visit(Rule<UpdateRule::sgd>{});
    case UpdateRule::momentum: return visit(Rule<UpdateRule::momentum>{});
    case UpdateRule::nesterov: return visit(Rule<UpdateRule::nesterov>{});
    case UpdateRule::adagrad: return visit(Rule<UpdateRule::adagrad>{});
    case UpdateRule::rmsprop: return visit(Rule<UpdateRule::rmsprop>{});
    case UpdateRule::adam: return visit(Rule<UpdateRule::adam>{});
    case UpdateRule::adamw: return visit(Rule<UpdateRule::adamw>{});
  }
}

}  // namespace trireme::formulas
