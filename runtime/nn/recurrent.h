// Recurrent layers: RNN (Elman 1990), LSTM (Hochreiter & Schmidhuber 1997) and GRU (Cho et al. 2014), with the
// equations, the order of gates, and the initial values that PyTorch has. Time is the outermost dimension: (T, B, C).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/nn/module.h"
#include "runtime/ops/recurrent.h"

namespace trireme::nn {

// What a layer, in one direction, remembers of its sequences: h, and the c of an LSTM, each (B, H); c is f32.
// Undefined: zeros. For backpropagation that is truncated at the ends of batches (Williams & Peng 1990) the next batch
// begins with detached().
struct RecurrentState {
  Tensor state;
  Tensor cell_state;

  RecurrentState detached() const {
    return {state ? state.detached() : Tensor{}, cell_state ? cell_state.detached() : Tensor{}};
  }
};

struct RecurrentLayerOptions {
  Cell cell = Cell::lstm;
  bool bias = true;
  bool reverse = false;  // from the last step to the first
};

// One layer in one direction.
class RecurrentLayer : public Module {
 public:
  RecurrentLayer(std::int64_t in, std::int64_t units, const RecurrentLayerOptions& options = {});

  // x (T, B, in) -> (T, B, H). `state`, when not null, is where the sequences begin, and receives where they end.
  // lengths (B) i32: steps that each sequence has, the others are padding, at which y stays as it was; undefined: T.
  Tensor forward(Context& cx, const Tensor& x, RecurrentState* state = nullptr, const Tensor& lengths = {});
  // The same for x = table[ids], ids (T, B) i32, table (V, in).
  Tensor forward(Context& cx, const Tensor& ids, const Tensor& table, RecurrentState* state,
                 const Tensor& lengths = {});

  // The two halves of that: x times the input's weight, (T, B, G H), and the steps.
  Tensor project(Context& cx, const Tensor& x);
  // Where the table has fewer rows than there are ids, it is multiplied instead, and its rows are looked up after that.
  Tensor project(Context& cx, const Tensor& ids, const Tensor& table);
  Tensor steps(Context& cx, const Tensor& projected, RecurrentState* state = nullptr, const Tensor& lengths = {});

  std::int64_t units() const noexcept { return weight_hh.shape[1]; }
  const RecurrentLayerOptions& options() const noexcept { return options_; }

  Parameter weight_ih;  // (G H, in)
  Parameter weight_hh;  // (G H, H)
  Parameter bias_ih;    // (G H); not registered without bias
  Parameter bias_hh;    // (G H), likewise

 private:
  RecurrentLayerOptions options_;
};

struct RecurrentOptions {
  Cell cell = Cell::lstm;
  std::int64_t layers = 1;
  bool bidirectional = false;  // each layer reads in both directions, and gives both states (Schuster & Paliwal 1997)
  bool bias = true;
  float dropout = 0.0f;  // between layers
};

// Layers one above the other.
class Recurrent : public Module {
 public:
  Recurrent(std::int64_t in, std::int64_t units, const RecurrentOptions& options = {});

  struct Output {
    Tensor y;  // (T, B, width()): of the last layer; the states of both directions side by side
    // Where the sequences end, for each layer and in it each direction.
    std::vector<RecurrentState> states;
  };
  // x (T, B, in). `states`: where they begin, none for zeros. lengths as RecurrentLayer has them.
  Output forward(Context& cx, const Tensor& x, const std::vector<RecurrentState>& states = {},
                 const Tensor& lengths = {});

  std::int64_t width() const noexcept { return directions_ * layers_.front()->units(); }
  // Of the products of one forward pass over so many steps of all sequences together.
  double flops(std::int64_t steps) const;

 private:
  RecurrentLayer& layer(std::size_t level, std::int64_t direction) {
    return *layers_[level * static_cast<std::size_t>(directions_) + static_cast<std::size_t>(direction)];
  }

  float dropout_;
  std::int64_t directions_;
  std::vector<std::unique_ptr<RecurrentLayer>> layers_;
};

// States that the next batch begins with: none of them leads back into this one.
std::vector<RecurrentState> detached(const std::vector<RecurrentState>& states);

}  // namespace trireme::nn
