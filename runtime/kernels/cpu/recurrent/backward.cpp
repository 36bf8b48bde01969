#include "runtime/kernels/cpu/recurrent/recurrent_class.h"

namespace trireme::cpu {

void CpuRecurrent::run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy,
                            const Tensor& y, const Tensor* cells, const Recurrence& how) {
  const std::int64_t steps = y.size(0), rows = y.size(1), units = y.size(2), width = gates_of(how.cell) * units;
  if (y.numel() == 0) return;
  const Scratch::Lease weights = scratch_.take(width * filled_up(units));
  pack(weights.data(), *how.weight, 0, false);
  const Tensor& of_sums = sums ? *sums : gates;
  const bool narrow = of_sums.dtype() != DType::f32, has_cell = how.cell == Cell::lstm;
  const Turns wide(narrow ? rows * width : 0, scratch_);
  // A GRU's way back reads the state before each step.
  const bool reads_state = how.cell == Cell::gru;
  const Turns states(reads_state && y.dtype() != DType::f32 ? rows * units : 0, scratch_);
  const auto step_at = [&](std::int64_t place) { return how.reverse ? steps - 1 - place : place; };
  const auto state_before = [&](std::int64_t place) -> const float* {
    const Tensor* from = place == 0 ? how.state : &y;
    if (!from || !reads_state) return nullptr;
    const std::int64_t slice = place == 0 ? 0 : step_at(place - 1) * rows * units;
    if (from->dtype() == DType::f32) return from->data<float>() + slice;
    const Tensor part = from->range(slice, slice + rows * units);
    level_.cast({states.at(place), DType::f32}, {part.raw(), part.dtype()}, {0, rows * units});
    return states.at(place);
  };
  const auto sums_of = [&](std::int64_t place) {
    return narrow ? wide.at(place) : floats_at(&of_sums, step_at(place));
  };
  RecurrentStep step;
  step.cell = how.cell;
  step.rows = rows;
  step.units = units;
  step.weights = weights.data();
  step.lengths = how.lengths ? how.lengths->data<std::int32_t>() : nullptr;
  step.dstate = dstate.data<float>();
  step.dcell = dcell ? dcell->data<float>() : nullptr;
  for (std::int64_t place = steps - 1; place >= 0; --place) {
    const std::int64_t t = step_at(place);
    step.time = t;
    step.sums_behind = place + 1 < steps ? sums_of(place + 1) : nullptr;
    step.state = state_before(place);
    if (has_cell) step.cell_before = place == 0 ? floats_at(how.cell_state, 0) : floats_at(cells, step_at(place - 1));
    step.cells = floats_at(cells, t);
    step.gates = slice_of(&gates, t);
    step.dy = slice_of(dy, t);
    step.sums = slice_of(sums, t);
    step.wide = narrow ? wide.at(place) : nullptr;
    for_blocks(step, level_.recurrent_step_grad);
  }
  if (!how.state) return;
  step.sums_behind = sums_of(0);
  for_blocks(step, level_.recurrent_begin_grad);
}

}  // namespace trireme::cpu
