#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/kernels/formulas/random_rounding.h"
#include "runtime/kernels/host_state.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// g': scaled, clipped, with the penalties' gradients.
double effective_gradient(double gradient, double weight, const Update& how) {
  double g = gradient * how.gradient_scale;
  if (how.clip_value > 0) g = std::clamp(g, -double{how.clip_value}, double{how.clip_value});
  const double sign = static_cast<double>(weight > 0) - static_cast<double>(weight < 0);
  return g + how.l2 * weight + how.l1 * sign;
}

// The new weight; `first` and `second` are the moments, updated in place.
double step(double w, double g, double& first, double& second, const Update& how) {
  const double lr = how.lr, epsilon = how.epsilon;
  const double beta1 = how.beta1, beta2 = how.beta2;
  switch (how.rule) {
    case UpdateRule::sgd: return w - lr * g;
    case UpdateRule::momentum: first = how.momentum * first + g; return w - lr * first;
    case UpdateRule::nesterov: first = how.momentum * first + g; return w - lr * (g + how.momentum * first);
    case UpdateRule::adagrad: second += g * g; return w - lr * g / (std::sqrt(second) + epsilon);
    case UpdateRule::rmsprop:
      second = beta2 * second + (1 - beta2) * g * g;
      return w - lr * g / (std::sqrt(second) + epsilon);
    case UpdateRule::adam:
    case UpdateRule::adamw:
      first = beta1 * first + (1 - beta1) * g;
      second = beta2 * second + (1 - beta2) * g * g;
      const double decay = how.rule == UpdateRule::adamw ? lr * how.weight_decay * w : 0;
      return w - decay - lr * (first / how.bias1) / (std::sqrt(second / how.bias2) + epsilon);
  }
  fail("update", "expected an update rule, found number", static_cast<int>(how.rule));
}

void round_at_random(Values& weights, const RandomRounding& how) {
  const RandomKey key = at_step(how.key, how.step);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int64_t number = how.first + how.runs.number(static_cast<std::int64_t>(i));
    weights[i] = formulas::rounded_at_random(static_cast<float>(weights[i]),
                                             random_word(key, static_cast<std::uint64_t>(number)));
  }
}

}  // namespace

void ReferenceKernels::update(Tensor& weights, Tensor* compute, Tensor* moment1, Tensor* moment2,
                              const Tensor& gradient, const Update& asked) {
  Update how = asked;
  if (!take_state(how)) return;
  Values w = load(weights);
  const Values g = load(gradient);
  Values first = moment1 == nullptr ? Values(w.size()) : load(*moment1);
  Values second = moment2 == nullptr ? Values(w.size()) : load(*moment2);
  for (std::size_t i = 0; i < w.size(); ++i)
    w[i] = step(w[i], effective_gradient(g[i], w[i], how), first[i], second[i], how);
  if (weights.dtype() == DType::bf16) round_at_random(w, how.rounding);
  store(weights, w);
  if (compute != nullptr) store(*compute, load(weights));
  if (moment1 != nullptr) store(*moment1, first);
  if (moment2 != nullptr) store(*moment2, second);
}

void ReferenceKernels::conclude_step(Tensor& state, const Tensor& squares, const StepRule& rule) {
  conclude(host_state(state), squares.data<double>(), squares.numel(), rule);
}

}  // namespace trireme::reference
