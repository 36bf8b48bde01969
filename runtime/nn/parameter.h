// Trainable tensors and how they begin.
#pragma once

#include <string>
#include <vector>

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

// Elements [begin, end) of a dimension.
struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

// What part of a larger tensor a parameter is: some intervals of one dimension, one after the other, and all of the
// other dimensions. Along any dimension but the outermost there is one interval.
struct Piece {
  Shape whole;
  int dim = 0;
  std::vector<Interval> intervals = {};  // empty: all of it

  bool is_whole() const { return intervals.empty(); }
};

// Who has a parameter's elements, besides this model.
enum class Held : std::uint8_t {
  alone,  // nobody
  alike,  // others, with gradients equal to those here
  added,  // others, and the gradient is the sum of theirs and that here
};

class Parameter {
 public:
  // Weight decay applies to matrices and not to vectors, unless said otherwise (Loshchilov & Hutter's practice).
  Parameter(Shape parameter_shape, Init parameter_init)
      : shape(parameter_shape),
        piece{.whole = parameter_shape},
        init(parameter_init),
        decayed(parameter_shape.dims() > 1) {}
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  Tensor tensor() { return leaf.tensor(); }
  std::int64_t numel() const { return shape.numel(); }

  // Makes this parameter a piece of what it was. Before it has memory, and once.
  void keep(int dim, std::vector<Interval> intervals);

  std::string name;  // global: "blocks.3.attention.qkv.weight"; set by Module::name_parameters
  Shape shape;       // of what is here
  Piece piece;
  Held held = Held::alone;
  Init init;
  bool decayed;
  bool trainable = true;
  Leaf leaf;  // its tensors are views of FlatParameters, which gives them their memory
};

// A range of elements of a piece that lies together in the whole tensor too.
struct Run {
  std::int64_t here = 0;   // its first element among those of the piece
  std::int64_t whole = 0;  // and among those of the whole
  std::int64_t count = 0;
};
// The runs of elements first ... first + count - 1 of a piece: one for each interval of the outermost dimension, or one
// for each row of a block of columns.
std::vector<Run> runs_of(const Piece& piece, std::int64_t first, std::int64_t count);

// The same where runs of equal length at equal distances count as one: `count` elements from `here` on, of which
// element e is number first + runs.number(e) of the whole tensor.
struct NumberedRuns {
  std::int64_t here = 0;
  std::int64_t count = 0;
  std::int64_t first = 0;
  Runs runs{};
};
std::vector<NumberedRuns> numbered_runs(const Piece& piece, std::int64_t first, std::int64_t count);

// Fills `value` (f32 or 16 bits) with elements first ... first + numel - 1 of the parameter as drawn for `seed`: a
// slice of a piece is born with the numbers that the whole tensor would have had.
void initialise(Kernels& kernels, Tensor& value, const Parameter& parameter, std::uint64_t seed,
                std::int64_t first = 0);

}  // namespace trireme::nn
