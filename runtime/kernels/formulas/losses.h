// The pointwise losses of one element and their derivatives, over any number type (numbers.h).
#pragma once

#include "runtime/kernels/formulas/activations.h"
#include "runtime/kernels/formulas/numbers.h"
#include "runtime/kernels/kernels.h"

namespace trireme::formulas {

template <class N>
struct PointLoss {
  N loss, slope;
};

template <PointwiseLoss kind, class N>
[[gnu::always_inline]] constexpr PointLoss<N> point_loss(N x, N t) {
  const N zero = like(x, 0.0f);
  if constexpr (kind == PointwiseLoss::mse) return {(x - t) * (x - t), 2.0f * (x - t)};
  if constexpr (kind == PointwiseLoss::mae) {
    const N d = x - t;
    return {magnitude(d), if_greater(d, zero, like(d, 1.0f), if_less(d, zero, like(d, -1.0f), zero))};
  }
  if constexpr (kind == PointwiseLoss::bce_logits) {
    const N e = exp(-magnitude(x));  // log(1 + e) = e + ... where 1 + e would lose it
    const N log1p = if_less(e, like(e, 1e-3f), e * (1.0f - e * (0.5f - e * 0.33333333f)), log_of_normal(1.0f + e));
    return {larger(zero, x) - x * t + log1p, logistic(x) - t};
  }
  if constexpr (kind == PointwiseLoss::hinge) {
    const N margin = 1.0f - t * x;
    return {larger(zero, margin), if_greater(margin, zero, -t, zero)};
  }
  if constexpr (kind == PointwiseLoss::kl) {
    constexpr float ln_2 = 0x1.62e430p-1f;
    const N tiny = like(t, 0x1p-100f);
    const N scaled = if_less(t, tiny, t * 0x1p64f, t);  // subnormals have no logarithm in vector lanes
    const N shift = if_less(t, tiny, like(t, 64 * ln_2), zero);
    const N loss = t * (log_of_normal(scaled) - shift - x);
    return {if_greater(t, zero, loss, zero), -t};
  }
}

// Calls visit with the loss as a compile-time constant: visit(Loss<loss>{}).
template <PointwiseLoss loss>
struct Loss {
  static constexpr PointwiseLoss value = loss;
};
template <class Visit>
[[gnu::always_inline]] inline void with_loss(PointwiseLoss loss, Visit&& visit) {
  switch (loss) {
    case PointwiseLoss::mse: return visit(Loss<PointwiseLoss::mse>{});
    case PointwiseLoss::mae: return visit(Loss<PointwiseLoss::mae>{});
    case PointwiseLoss::bce_logits: return visit(Loss<PointwiseLoss::bce_logits>{});
    case PointwiseLoss::hinge: return visit(Loss<PointwiseLoss::hinge>{});
    case PointwiseLoss::kl: return visit(Loss<PointwiseLoss::kl>{});
  }
}

}  // namespace trireme::formulas
