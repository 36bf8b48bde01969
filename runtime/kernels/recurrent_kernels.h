// Seam 2, the kernels of recurrent networks: what they need beyond kernels.h, whose rules hold here too.
//
// Sequences lie with time outermost: (T, B, ...). Legend: T steps, B sequences, H units, G gates of a cell.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/tensor/tensor.h"

namespace trireme {

// How the state h of a unit, and the LSTM's c, become those after a step. A gate takes in a = x W^T + b of the input x
// and u = h U^T + d of the state, with H rows of W and U for each gate, in the order of the gates here; equations and
// order are PyTorch's.
enum class Cell : std::uint8_t {
  rnn_tanh,  // h' = tanh(a + u) (Elman 1990)
  rnn_relu,  // h' = max(0, a + u)
  // i, f, o = logistic(a + u), g = tanh(a + u), in the order i f g o; c' = f c + i g, h' = o tanh(c')
  // (Hochreiter & Schmidhuber 1997; the forget gate f: Gers et al. 2000).
  lstm,
  // r, z = logistic(a + u), n = tanh(a + r u), in the order r z n; h' = (1 - z) n + z h (Cho et al. 2014).
  gru,
};
std::string_view name_of(Cell cell);
constexpr std::int64_t gates_of(Cell cell) {
  if (cell == Cell::lstm) return 4;
  return cell == Cell::gru ? 3 : 1;
}

struct Recurrence {
  Cell cell = Cell::lstm;
  bool reverse = false;  // from step T - 1 to step 0
  // (B) i32, in [0, T]: sequence b has the steps 0 ... lengths[b] - 1. At others its state stays as it is, and what its
  // gates hold means nothing. Null: T each.
  const Tensor* lengths = nullptr;
  const Tensor* weight = nullptr;      // U (G H, H)
  const Tensor* input_bias = nullptr;  // b (G H); null: zeros
  const Tensor* bias = nullptr;        // d (G H); null: zeros
  const Tensor* state = nullptr;       // h before the first step, (B, H); null: zeros
  const Tensor* cell_state = nullptr;  // the LSTM's c likewise (f32)
};

class RecurrentKernels {
 public:
  virtual ~RecurrentKernels() = default;

  // All steps of a layer in one direction. gates (T, B, G H) holds x W^T and receives the values of the gates (of an
  // RNN: h'). y (T, B, H): the states after each step. cells (T, B, H) (f32): of an LSTM the c after each step, of a
  // GRU the u of n; null otherwise.
  virtual void run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) = 0;
  // And back, from dy (T, B, H), or null for zeros. gates, as run() left them, receive the gradient of a, which is that
  // of u too, but for a GRU's n: there `sums` (T, B, G H) receives that of u; null otherwise. dstate (B, H) and the
  // LSTM's dcell (B, H), both (f32), hold the gradients of the state after the last step, and receive those of the
  // state before the first: dstate only where how.state is there.
  virtual void run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy, const Tensor& y,
                        const Tensor* cells, const Recurrence& how) = 0;

  // y (B, T, ...) = x (T, B, ...) with its two outer dimensions exchanged; of any dtype.
  virtual void swap(Tensor& y, const Tensor& x) = 0;
};

}  // namespace trireme
