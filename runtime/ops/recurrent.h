// Recurrent layers, one direction each, and what goes with sequences whose time lies outermost: (T, B, ...).
#pragma once

#include <string_view>

#include "runtime/autograd/context.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::ops {

struct RecurrentOptions {
  Cell cell = Cell::lstm;
  bool reverse = false;  // from the last step to the first
  Tensor weight{};       // (G H, H), by which the state comes in; gates in the order of Cell
  Tensor input_bias{};   // (G H), beside the input; undefined: zeros
  Tensor bias{};         // (G H), beside the state; undefined: zeros
  Tensor state{};        // before the first step, (B, H); undefined: zeros
  Tensor cell_state{};   // an LSTM's c likewise, f32 (for f64: f64)
  Tensor lengths{};      // (B) i32: steps of each sequence; undefined: T
};

struct Recurred {
  Tensor y;           // (T, B, H): the state after each step; beyond a sequence's end it stays as it was
  Tensor state;       // (B, H): after the last step (in reverse: the first)
  Tensor cell_state;  // an LSTM's c likewise; else undefined
};

// All steps of a layer (recurrent_kernels.h has the equations) over x (T, B, G H), the input times the gates' weights.
// An x whose storage nobody else holds is overwritten: do not read it afterwards.
Recurred recurrent(Context& cx, const Tensor& x, const RecurrentOptions& options);

// y (B, T, ...) = x (T, B, ...): from time outermost to samples outermost, and back.
Tensor swap(Context& cx, const Tensor& x);

// y (..., C + D) from a (..., C) and b (..., D).
Tensor concatenate(Context& cx, const Tensor& a, const Tensor& b);

// Dropout of x (T, B, C) whose samples lie in the second dimension: whichever rank computes a sample, and with whatever
// others, drops the same. Samples times C are below 2^40.
Tensor dropout_of_steps(Context& cx, const Tensor& x, float probability, std::string_view site);

}  // namespace trireme::ops
