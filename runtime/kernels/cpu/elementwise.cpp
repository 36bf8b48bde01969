#include <cstring>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/host_state.h"

namespace trireme::cpu {
namespace {

float total_factor(float factor, const Tensor* device_factor) {
  return device_factor ? factor * device_factor->data<float>()[0] : factor;
}

// One short row repeated until it is long enough for vector code.
std::int64_t repeated(float* to, const Tensor& row, std::int64_t least) {
  const std::int64_t times = (least + row.numel() - 1) / row.numel();
  auto* bytes = reinterpret_cast<std::byte*>(to);
  for (std::int64_t i = 0; i < times; ++i)
    std::memcpy(bytes + i * row.bytes(), row.raw(), static_cast<std::size_t>(row.bytes()));
  return times * row.numel();
}

Array moved(Array x, std::int64_t by) {
  x.data = static_cast<std::byte*>(x.data) + by * size_of(x.dtype);
  return x;
}

UpdateArrays moved(const UpdateArrays& arrays, std::int64_t by) {
  const auto floats = [by](float* x) { return x ? x + by : x; };
  return {.weights = moved(arrays.weights, by),
          .compute = moved(arrays.compute, by),
          .moment1 = floats(arrays.moment1),
          .moment2 = floats(arrays.moment2),
          .gradient = arrays.gradient + by};
}

}  // namespace

void CpuKernels::fill(Tensor& y, float value) {
  for_range(y.numel(), 1, [&](Range range) { level_.fill(array_of(y), value, range); });
}

void CpuKernels::cast(Tensor& y, const Tensor& x) {
  const std::int64_t size = size_of(x.dtype());
  for_range(x.numel(), 1, [&](Range range) {
    if (y.dtype() != x.dtype()) return level_.cast(array_of(y), array_of(x), range);
    const std::int64_t begin = range.begin * size;
    std::memmove(y.raw() + begin, x.raw() + begin, static_cast<std::size_t>(range.end * size - begin));
  });
}

void CpuKernels::random(Tensor& y, const RandomFill& how) {
  for_runs(y.numel(), how, [&](const RandomFill& run, std::int64_t from, Range range) {
    level_.random(moved(array_of(y), from), run, range);
  });
}

void CpuKernels::activate(Tensor& y, const Tensor& x, Activation activation) {
  for_range(x.numel(), 2, [&](Range range) { level_.activate(array_of(y), array_of(x), activation, range); });
}

void CpuKernels::activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation, Tensor* dbias,
                               bool accumulate) {
  const Array out = array_of(dx), upstream = array_of(dy), input = array_of(x);
  if (!dbias) {
    for_range(x.numel(), 2, [&](Range range) { level_.activate_grad(out, upstream, input, activation, range); });
    return;
  }
  const std::int64_t columns = dbias->numel(), rows = columns == 0 ? 0 : x.numel() / columns;
  sum_over_rows(rows, columns, dbias->data<float>(), accumulate, [&](float* sums, Range range) {
    level_.activate_grad_sums(out, upstream, input, activation, columns, sums, range);
  });
}

void CpuKernels::gate(Tensor& y, const Tensor& x, Activation activation) {
  const std::int64_t columns = columns_of(y);
  for_range(rows_of(y), 3 * columns,
            [&](Range rows) { level_.gate(array_of(y), array_of(x), activation, columns, rows); });
}

void CpuKernels::gate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation) {
  const std::int64_t columns = columns_of(dy);
  for_range(rows_of(dy), 4 * columns,
            [&](Range rows) { level_.gate_grad(array_of(dx), array_of(dy), array_of(x), activation, columns, rows); });
}

void CpuKernels::binary(Tensor& y, const Tensor& a, const Tensor& b, Binary op) {
  const Array to = array_of(y), left = array_of(a), right = array_of(b);
  if (a.numel() == b.numel()) {
    for_range(a.numel(), 1, [&](Range range) { level_.binary(to, left, right, op, range); });
    return;
  }
  if (b.numel() == 0) return;
  constexpr std::int64_t least = 256;
  std::int64_t columns = b.numel();
  const Scratch::Lease lease = scratch_.take(columns < least ? least + columns : 0);
  Array row = right;
  if (columns < least) {
    columns = repeated(lease.data(), b, least);
    row.data = lease.data();
  }
  const std::int64_t rows = a.numel() / columns, rest = rows * columns;
  for_range(rows, columns, [&](Range range) { level_.binary_rows(to, left, row, op, columns, range); });
  level_.binary(moved(to, rest), moved(left, rest), row, op, {0, a.numel() - rest});
}

void CpuKernels::scale(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) {
  const float total = total_factor(factor, device_factor);
  for_range(x.numel(), 1, [&](Range range) { level_.scale(array_of(y), array_of(x), total, range); });
}

void CpuKernels::axpy(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) {
  const float total = total_factor(factor, device_factor);
  for_range(x.numel(), 1, [&](Range range) { level_.axpy(array_of(y), array_of(x), total, range); });
}

void CpuKernels::dropout(Tensor& y, const Tensor& x, const Dropout& how) {
  for_runs(x.numel(), at_this_step(how), [&](const Dropout& run, std::int64_t from, Range range) {
    level_.dropout(moved(array_of(y), from), moved(array_of(x), from), run, range);
  });
}

void CpuKernels::update(Tensor& weights, Tensor* compute, Tensor* moment1, Tensor* moment2, const Tensor& gradient,
                        const Update& how) {
  Update now = how;
  if (!take_state(now)) return;
  const UpdateArrays arrays{.weights = array_of(weights),
                            .compute = array_of(compute),
                            .moment1 = floats_of(moment1),
                            .moment2 = floats_of(moment2),
                            .gradient = gradient.data<float>()};
  if (weights.dtype() == DType::f32)
    return for_range(weights.numel(), 1, [&](Range range) { level_.update(arrays, now, range); });
  now.rounding.key = at_step(now.rounding.key, now.rounding.step);
  for_runs(weights.numel(), now.rounding, [&](const RandomRounding& run, std::int64_t from, Range range) {
    Update part = now;
    part.rounding = run;
    level_.update(moved(arrays, from), part, range);
  });
}

void CpuKernels::conclude_step(Tensor& state, const Tensor& squares, const StepRule& rule) {
  conclude(host_state(state), squares.data<double>(), squares.numel(), rule);
}

}  // namespace trireme::cpu
