// Trainable tensors and how they begin.
#pragma once

#include <string>

#include "runtime/autograd/leaf.h"
#include "runtime/kernels/kernels.h"

namespace trireme::nn {

// How a parameter is filled. Fans are those of a weight (out, in): fan_in = shape[1], fan_out = shape[0].
struct Init {
  enum class Kind : std::uint8_t {
    constant,          // `value`
    normal,            // mean 0, standard deviation `value`
    uniform,           // [-value, value)
    truncated_normal,  // normal, cut at two standard deviations
    xavier_uniform,    // Glorot & Bengio 2010: bound value * sqrt(6 / (fan_in + fan_out))
    xavier_normal,     // standard deviation value * sqrt(2 / (fan_in + fan_out))
    he_uniform,        // He et al. 2015: bound value * sqrt(6 / fan_in)
    he_normal,         // standard deviation value * sqrt(2 / fan_in)
  };
  Kind kind = Kind::constant;
  float value = 0.0f;

  static Init zero() { return {Kind::constant, 0.0f}; }
  static Init one() { return {Kind::constant, 1.0f}; }
  static Init normal(float deviation) { return {Kind::normal, deviation}; }
  static Init uniform(float bound) { return {Kind::uniform, bound}; }
};

class Parameter {
 public:
  // Weight decay applies to matrices and not to vectors, unless said otherwise (Loshchilov & Hutter's practice).
  Parameter(Shape parameter_shape, Init parameter_init)
      : shape(parameter_shape), init(parameter_init), decayed(parameter_shape.dims() > 1) {}
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  Tensor tensor() { return leaf.tensor(); }
  std::int64_t numel() const { return shape.numel(); }

  std::string name;  // global: "blocks.3.attention.qkv.weight"; set by Module::name_parameters
  Shape shape;
  Init init;
  bool decayed;
  bool trainable = true;
  Leaf leaf;  // its tensors are views of FlatParameters, which gives them their memory
};

// Fills `value` (f32) with elements first ... first + numel - 1 of the parameter as drawn for `seed`: a slice is born with
// the numbers that the whole tensor would have had.
void initialise(Kernels& kernels, Tensor& value, const Parameter& parameter, std::uint64_t seed, std::int64_t first = 0);

}  // namespace trireme::nn
