#include "runtime/nn/parameter.h"

#include <cmath>

namespace trireme::nn {
namespace {

float fan_in(const Shape& shape) {
  return static_cast<float>(shape.dims() < 2 ? shape.numel() : shape.numel() / shape[0]);
}
float fan_out(const Shape& shape) { return static_cast<float>(shape.dims() < 1 ? 1 : shape[0]); }

RandomFill spread(const Parameter& parameter) {
  const Init& init = parameter.init;
  const float in = fan_in(parameter.shape), out = fan_out(parameter.shape);
  switch (init.kind) {
    case Init::Kind::normal: return {.distribution = Distribution::normal, .a = 0.0f, .b = init.value};
    case Init::Kind::truncated_normal:
      return {.distribution = Distribution::truncated_normal, .a = 0.0f, .b = init.value};
    case Init::Kind::uniform: return {.distribution = Distribution::uniform, .a = -init.value, .b = init.value};
    case Init::Kind::xavier_uniform: {
      const float bound = init.value * std::sqrt(6.0f / (in + out));
      return {.distribution = Distribution::uniform, .a = -bound, .b = bound};
    }
    case Init::Kind::xavier_normal:
      return {.distribution = Distribution::normal, .a = 0.0f, .b = init.value * std::sqrt(2.0f / (in + out))};
    case Init::Kind::he_uniform: {
      const float bound = init.value * std::sqrt(6.0f / in);
      return {.distribution = Distribution::uniform, .a = -bound, .b = bound};
    }
    case Init::Kind::he_normal:
      return {.distribution = Distribution::normal, .a = 0.0f, .b = init.value * std::sqrt(2.0f / in)};
    case Init::Kind::constant: break;
  }
  fail("initialise", "expected a random initialiser for", parameter.name);
}

}  // namespace

void initialise(Kernels& kernels, Tensor& value, const Parameter& parameter, std::uint64_t seed, std::int64_t first) {
  if (parameter.init.kind == Init::Kind::constant) return kernels.fill(value, parameter.init.value);
  RandomFill how = spread(parameter);
  how.key = {seed, hash_name(parameter.name)};
  how.first = first;
  kernels.random(value, how);
}

}  // namespace trireme::nn
