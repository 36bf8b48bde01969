#include <algorithm>
#include <optional>

#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/recurrent/recurrent_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/cells.h"

namespace trireme::cuda {
namespace {

// A step: matrices of the step have B rows of H units, or of G H for gates.
template <class T>
struct Step {
  Cell cell;
  std::int64_t rows, units;
  const std::int32_t* lengths;  // or null
  std::int64_t time;
  T* gates;
  const T* state;            // h before the step, or null for zeros
  const float* cell_before;  // c before the step, likewise
  float* cells;              // as RecurrentKernels keeps them, or null
};

__device__ inline float element_or_zero(const float* x, std::int64_t i) {
  return x ? x[i] : 0.0f;
}
template <class T>
__device__ float element_or_zero(const T* x, std::int64_t i) {
  return x ? to_float(x[i]) : 0.0f;
}

// body(row, unit, element of (B, H), whether the row has this step) for every unit.
template <class T, class Body>
__device__ void over_units(const Step<T>& s, Body&& body) {
  for (std::int64_t i = thread_index(); i < s.rows * s.units; i += thread_count()) {
    const std::int64_t row = i / s.units;
    body(row, i - row * s.units, i, !s.lengths || s.time < s.lengths[row]);
  }
}

// u without its bias; null for zeros.
template <class T>
__global__ void __launch_bounds__(block_threads)
    recurrent_step_kernel(Step<T> s, T* y, const float* u, const T* input_bias, const T* bias) {
  over_units(s, [=](std::int64_t row, std::int64_t unit, std::int64_t i, bool runs) {
    const float h = element_or_zero(s.state, i), c = element_or_zero(s.cell_before, i);
    if (!runs) {
      y[i] = rounded<T>(h);
      if (s.cells) s.cells[i] = c;
      return;
    }
    formulas::with_cell(s.cell, [&]<class C>(C) {
      constexpr int gates = static_cast<int>(gates_of(C::value));
      const std::int64_t first = row * gates * s.units + unit;
      float a[gates], of_state[gates];
      for (int g = 0; g < gates; ++g) {
        const std::int64_t at = first + g * s.units, vector = g * s.units + unit;
        a[g] = to_float(s.gates[at]) + element_or_zero(input_bias, vector);
        of_state[g] = element_or_zero(u, at) + element_or_zero(bias, vector);
      }
      const auto to = formulas::cell_step<C::value>(a, of_state, h, c);
      for (int g = 0; g < gates; ++g) s.gates[first + g * s.units] = rounded<T>(to.gates[g]);
      if (s.cells) s.cells[i] = to.cell;
      y[i] = rounded<T>(to.state);
    });
  });
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    recurrent_step_grad_kernel(Step<T> s, T* sums, float* dstate, float* dcell, const T* dy) {
  over_units(s, [=](std::int64_t row, std::int64_t unit, std::int64_t i, bool runs) {
    const float dh = dstate[i] + element_or_zero(dy, i);
    formulas::with_cell(s.cell, [&]<class C>(C) {
      constexpr int gates = static_cast<int>(gates_of(C::value));
      const std::int64_t first = row * gates * s.units + unit;
      formulas::CellGradient<C::value, float> to{};
      to.state = dh;
      if (runs) {
        float values[gates];
        for (int g = 0; g < gates; ++g) values[g] = to_float(s.gates[first + g * s.units]);
        to = formulas::cell_gradient<C::value>(values, element_or_zero(s.cells, i), element_or_zero(s.state, i),
                                               element_or_zero(s.cell_before, i), dh, element_or_zero(dcell, i));
        if (dcell) dcell[i] = to.cell;
      }
      dstate[i] = to.state;
      for (int g = 0; g < gates; ++g) {
        s.gates[first + g * s.units] = rounded<T>(to.gates[g]);
        if (sums) sums[first + g * s.units] = rounded<T>(g + 1 == gates ? to.last_sum : to.gates[g]);
      }
    });
  });
}

template <class Word>
__global__ void __launch_bounds__(block_threads)
    swap_kernel(Word* y, const Word* x, std::int64_t steps, std::int64_t rows, std::int64_t words) {
  for (std::int64_t i = thread_index(); i < steps * rows * words; i += thread_count()) {
    const std::int64_t place = i / words, row = place / steps, t = place - row * steps;
    y[i] = x[(t * rows + row) * words + (i - place * words)];
  }
}

// One step's slice of a tensor (T, ...), or of one of a single step (...).
Tensor slice_of(const Tensor& x, std::int64_t t) {
  const std::int64_t count = x.numel() / x.size(0);
  return x.range(t * count, (t + 1) * count);
}

// Where the steps' slices lie.
class Steps {
 public:
  Steps(const Tensor& y, const Recurrence& how)
      : how_(how), steps_(y.size(0)), rows_(y.size(1)), units_(y.size(2)), y_(y) {}

  std::int64_t at(std::int64_t place) const { return how_.reverse ? steps_ - 1 - place : place; }
  // The state before the step at a place, (B, H).
  std::optional<Tensor> state(std::int64_t place) const {
    if (place > 0) return slice_of(y_, at(place - 1)).view({rows_, units_});
    return how_.state ? std::optional(*how_.state) : std::nullopt;
  }
  template <class T>
  Step<T> step(std::int64_t place, const Tensor& gates, const Tensor* cells) const {
    const std::optional<Tensor> before = state(place);
    const bool has_cell = how_.cell == Cell::lstm;
    const float* cell_before = nullptr;
    if (has_cell && place > 0) cell_before = slice_of(*cells, at(place - 1)).template data<float>();
    if (has_cell && place == 0) cell_before = data_of<float>(how_.cell_state);
    return {.cell = how_.cell,
            .rows = rows_,
            .units = units_,
            .lengths = data_of<std::int32_t>(how_.lengths),
            .time = at(place),
            .gates = slice_of(gates, at(place)).template data<T>(),
            .state = before ? before->template data<T>() : nullptr,
            .cell_before = cell_before,
            .cells = cells ? slice_of(*cells, at(place)).template data<float>() : nullptr};
  }
  std::int64_t count() const { return steps_; }
  Shape gates_shape() const { return {rows_, gates_of(how_.cell) * units_}; }
  std::int64_t elements() const { return rows_ * units_; }

 private:
  const Recurrence& how_;
  std::int64_t steps_, rows_, units_;
  const Tensor& y_;
};

}  // namespace

void CudaRecurrent::run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) {
  if (y.numel() == 0) return;
  const Steps steps(y, how);
  const Scratch memory = device_.scratch(steps.gates_shape().numel() * size_of(DType::f32));
  Tensor u(device_, memory.storage(), 0, steps.gates_shape(), DType::f32);
  for (std::int64_t place = 0; place < steps.count(); ++place) {
    const std::optional<Tensor> state = steps.state(place);
    if (state) products_.gemm(u, *state, *how.weight, {.transpose_b = true});
    visit_compute_type("recurrent", y.dtype(), [&]<class T>(T) {
      launch(stream_, grid_for(steps.elements(), multiprocessors()), recurrent_step_kernel<T>,
             steps.step<T>(place, gates, cells), slice_of(y, steps.at(place)).template data<T>(),
             state ? u.data<float>() : nullptr, data_of<T>(how.input_bias), data_of<T>(how.bias));
    });
  }
}

void CudaRecurrent::run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy,
                             const Tensor& y, const Tensor* cells, const Recurrence& how) {
  if (y.numel() == 0) return;
  const Steps steps(y, how);
  Tensor dh = dstate.view({y.size(1), y.size(2)});
  for (std::int64_t place = steps.count() - 1; place >= 0; --place) {
    const std::int64_t t = steps.at(place);
    visit_compute_type("recurrent_grad", y.dtype(), [&]<class T>(T) {
      launch(stream_, grid_for(steps.elements(), multiprocessors()), recurrent_step_grad_kernel<T>,
             steps.step<T>(place, gates, cells), sums ? slice_of(*sums, t).template data<T>() : nullptr,
             dstate.data<float>(), floats_of(dcell), dy ? slice_of(*dy, t).template data<T>() : nullptr);
    });
    if (place > 0 || how.state)
      products_.gemm(dh, slice_of(sums ? *sums : gates, t).view(steps.gates_shape()), *how.weight, {.beta = 1.0f});
  }
}

void CudaRecurrent::swap(Tensor& y, const Tensor& x) {
  if (x.numel() == 0) return;
  const std::int64_t steps = x.size(0), rows = x.size(1), bytes = x.bytes() / (steps * rows);
  const auto with = [&]<class Word>(Word) {
    const auto size = static_cast<std::int64_t>(sizeof(Word));
    launch(stream_, grid_for(x.bytes() / size, multiprocessors()), swap_kernel<Word>, reinterpret_cast<Word*>(y.raw()),
           reinterpret_cast<const Word*>(x.raw()), steps, rows, bytes / size);
  };
  const auto bits = reinterpret_cast<std::uintptr_t>(y.raw()) | reinterpret_cast<std::uintptr_t>(x.raw()) |
                    static_cast<std::uintptr_t>(bytes);
  if (bits % 4 == 0) return with(std::uint32_t{});
  if (bits % 2 == 0) return with(std::uint16_t{});
  with(std::uint8_t{});
}

}  // namespace trireme::cuda
