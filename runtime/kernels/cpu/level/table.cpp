#include "native.h"  // of the level being compiled
#include "runtime/kernels/cpu/level/declarations.h"

namespace trireme::cpu::TRIREME_LEVEL {

const Level& level() {
  static constexpr Level table{
      .name = level_name,
      .fill = fill,
      .cast = cast,
      .activate = activate,
      .activate_grad = activate_grad,
      .activate_grad_sums = activate_grad_sums,
      .binary = binary,
      .gate = gate,
      .gate_grad = gate_grad,
      .binary_rows = binary_rows,
      .scale = scale,
      .axpy = axpy,
      .dropout = dropout,
      .to_eight_bits = to_eight_bits,
      .sum = sum,
      .largest_magnitude = largest_magnitude,
      .sum_squares = sum_squares,
      .column_sums = column_sums,
      .argmax = argmax,
      .panel_columns = tile_vectors * native_lanes,
      .panel_rows = tile_rows,
      .pack_left = pack_left,
      .pack_right = pack_right,
      .multiply_packed = multiply_packed,
      .unpack = unpack,
      .gemm_epilogue = gemm_epilogue,
      .norm = norm,
      .norm_grad = norm_grad,
      .softmax = softmax,
      .softmax_grad = softmax_grad,
      .rotate = rotate,
      .cross_entropy = cross_entropy,
      .class_stats = class_stats,
      .pointwise_loss = pointwise_loss,
      .update = update,
      .random = random,
      .attention = attention,
      .attention_grad = attention_grad,
      .attention_few = attention_few,
      .recurrent_step = recurrent_step,
      .recurrent_step_grad = recurrent_step_grad,
      .recurrent_begin_grad = recurrent_begin_grad,
  };
  return table;
}

}  // namespace trireme::cpu::TRIREME_LEVEL
