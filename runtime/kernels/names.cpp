#include "runtime/kernels/kernels.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme {

std::string_view name_of(Activation activation) {
  switch (activation) {
    case Activation::identity: return "identity";
    case Activation::relu: return "relu";
    case Activation::leaky_relu: return "leaky_relu";
    case Activation::gelu: return "gelu";
    case Activation::silu: return "silu";
    case Activation::sigmoid: return "sigmoid";
    case Activation::tanh: return "tanh";
  }
  return "unknown activation";
}

std::string_view name_of(Cell cell) {
  switch (cell) {
    case Cell::rnn_tanh: return "rnn_tanh";
    case Cell::rnn_relu: return "rnn_relu";
    case Cell::lstm: return "lstm";
    case Cell::gru: return "gru";
  }
  return "unknown cell";
}

}  // namespace trireme
