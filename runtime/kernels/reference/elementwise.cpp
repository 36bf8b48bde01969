#include <cmath>
#include <numbers>

#include "runtime/base/error.h"
#include "runtime/kernels/host_state.h"
#include "runtime/kernels/reference/activations.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

// The argument of gelu's tanh, and its derivative.
double gelu_inner(double x) {
  return std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
}
double gelu_inner_slope(double x) {
  return std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * x * x);
}

double gelu_slope(double x) {
  const double t = std::tanh(gelu_inner(x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * gelu_inner_slope(x);
}

}  // namespace

double activation_value(Activation activation, double x) {
  switch (activation) {
    case Activation::identity: return x;
    case Activation::relu: return x < 0 ? 0 : x;
    case Activation::leaky_relu: return x < 0 ? double{leaky_slope} * x : x;
    case Activation::gelu: return 0.5 * x * (1 + std::tanh(gelu_inner(x)));
    case Activation::silu: return x * logistic(x);
    case Activation::sigmoid: return logistic(x);
    case Activation::tanh: return std::tanh(x);
  }
  fail("activate", "expected an activation, found number", static_cast<int>(activation));
}

double activation_slope(Activation activation, double x) {
  switch (activation) {
    case Activation::identity: return 1;
    case Activation::relu: return x > 0 ? 1 : 0;
    case Activation::leaky_relu: return x > 0 ? 1 : double{leaky_slope};
    case Activation::gelu: return gelu_slope(x);
    case Activation::silu: return logistic(x) * (1 + x * logistic(-x));
    case Activation::sigmoid: return logistic(x) * logistic(-x);
    case Activation::tanh: return 1 - std::tanh(x) * std::tanh(x);
  }
  fail("activate", "expected an activation, found number", static_cast<int>(activation));
}

void ReferenceKernels::activate(Tensor& y, const Tensor& x, Activation activation) {
  Values values = load(x);
  for (double& value : values) value = activation_value(activation, value);
  store(y, values);
}

void ReferenceKernels::activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation,
                                     Tensor* dbias, bool accumulate) {
  Values gradient = load(dy);
  const Values input = load(x);
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] *= activation_slope(activation, input[i]);
  store(dx, gradient);
  if (dbias == nullptr) return;
  const auto columns = static_cast<std::size_t>(dbias->numel());
  Values sums(columns);
  for (std::size_t i = 0; i < gradient.size(); ++i) sums[i % columns] += gradient[i];
  store_gradient(*dbias, sums, accumulate);
}

void ReferenceKernels::gate(Tensor& y, const Tensor& x, Activation activation) {
  const Values pairs = load(x);
  const auto columns = static_cast<std::size_t>(columns_of(y));
  Values values(static_cast<std::size_t>(y.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t a = i / columns * 2 * columns + i % columns;
    values[i] = activation_value(activation, pairs[a]) * pairs[a + columns];
  }
  store(y, values);
}

void ReferenceKernels::gate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation) {
  Values pairs = load(x);
  const Values gradient = load(dy);
  const auto columns = static_cast<std::size_t>(columns_of(dy));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const std::size_t a = i / columns * 2 * columns + i % columns, b = a + columns;
    const double db = gradient[i] * activation_value(activation, pairs[a]);
    pairs[a] = gradient[i] * pairs[b] * activation_slope(activation, pairs[a]);
    pairs[b] = db;
  }
  store(dx, pairs);
}

void ReferenceKernels::binary(Tensor& y, const Tensor& a, const Tensor& b, Binary op) {
  Values left = load(a);
  const Values right = load(b);
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double other = right[i % right.size()];
    switch (op) {
      case Binary::add: left[i] += other; break;
      case Binary::subtract: left[i] -= other; break;
      case Binary::multiply: left[i] *= other; break;
      case Binary::divide: left[i] /= other; break;
    }
  }
  store(y, left);
}

void ReferenceKernels::scale(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) {
  const double total = factor * load_factor(device_factor);
  Values values = load(x);
  for (double& value : values) value *= total;
  store(y, values);
}

void ReferenceKernels::axpy(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) {
  const double total = factor * load_factor(device_factor);
  Values values = load(y);
  const Values addend = load(x);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += total * addend[i];
  store(y, values);
}

void ReferenceKernels::dropout(Tensor& y, const Tensor& x, const Dropout& how) {
  Values values = load(x);
  const RandomKey key = sequence_of(how);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t number = how.first + how.runs.number(static_cast<std::int64_t>(i));
    const std::uint32_t word = random_word(key, static_cast<std::uint64_t>(number));
    const bool kept = unit_float(word) >= how.probability;
    values[i] = kept ? values[i] / (1 - double{how.probability}) : 0;
  }
  store(y, values);
}

}  // namespace trireme::reference
