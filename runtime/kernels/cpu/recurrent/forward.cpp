#include "runtime/kernels/cpu/recurrent/recurrent_class.h"

namespace trireme::cpu {

void CpuRecurrent::pack(float* to, const Tensor& weight, std::int64_t row, bool transposed) {
  const std::int64_t units = weight.size(1), depth = transposed ? units : weight.size(0);
  const Operand operand{.data = {weight.raw(), weight.dtype()},
                        .offset = row * units,
                        .stride = units,
                        .rows = depth,
                        .columns = units,
                        .transposed = transposed};
  const std::int64_t per_block = recurrent_block / level_.panel_columns;
  const std::int64_t panels = (units + level_.panel_columns - 1) / level_.panel_columns;
  pool_.run((panels + per_block - 1) / per_block, [&](std::int64_t i) {
    level_.pack_right(to, operand, {i * per_block, std::min(panels, (i + 1) * per_block)});
  });
}

void CpuRecurrent::run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) {
  const std::int64_t steps = y.size(0), rows = y.size(1), units = y.size(2), count = gates_of(how.cell);
  if (y.numel() == 0) return;
  const std::int64_t gate_stride = filled_up(units) * units;
  const Scratch::Lease weights = scratch_.take(count * gate_stride);
  for (std::int64_t g = 0; g < count; ++g) pack(weights.data() + g * gate_stride, *how.weight, g * units, true);
  const Wide input_bias(how.input_bias, count * units, level_, scratch_),
      bias(how.bias, count * units, level_, scratch_);
  const bool narrow = y.dtype() != DType::f32, has_cell = how.cell == Cell::lstm;
  const Turns states(narrow ? rows * units : 0, scratch_);
  const Wide begin(how.state, how.state ? rows * units : 0, level_, scratch_);
  const auto step_at = [&](std::int64_t place) { return how.reverse ? steps - 1 - place : place; };
  for (std::int64_t place = 0; place < steps; ++place) {
    const std::int64_t t = step_at(place), last = place == 0 ? -1 : step_at(place - 1);
    RecurrentStep step;
    step.cell = how.cell;
    step.rows = rows;
    step.units = units;
    step.weights = weights.data();
    step.gate_stride = gate_stride;
    if (place == 0)
      step.state = how.state ? begin.data() : nullptr;
    else
      step.state = narrow ? states.at(place - 1) : floats_at(&y, last);
    if (has_cell) step.cell_before = place == 0 ? floats_at(how.cell_state, 0) : floats_at(cells, last);
    step.cells = floats_at(cells, t);
    step.lengths = how.lengths ? how.lengths->data<std::int32_t>() : nullptr;
    step.time = t;
    step.gates = slice_of(&gates, t);
    step.y = slice_of(&y, t);
    step.next_state = narrow ? states.at(place) : nullptr;
    step.input_bias = input_bias.data();
    step.bias = bias.data();
    for_blocks(step, level_.recurrent_step);
  }
}

void CpuRecurrent::swap(Tensor& y, const Tensor& x) {
  if (x.numel() == 0) return;
  const std::int64_t steps = x.size(0), rows = x.size(1), bytes = x.bytes() / (steps * rows);
  pool_.run(rows, [&](std::int64_t row) {
    for (std::int64_t t = 0; t < steps; ++t)
      std::memcpy(y.raw() + (row * steps + t) * bytes, x.raw() + (t * rows + row) * bytes,
                  static_cast<std::size_t>(bytes));
  });
}

}  // namespace trireme::cpu
