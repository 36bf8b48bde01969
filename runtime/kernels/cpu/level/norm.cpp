#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// The sum over a row of f(element index, lanes), in four interleaved sums of sixteen lanes.
template <class F>
[[gnu::always_inline]] inline float row_sum(std::int64_t columns, F f) {
  Floats s0 = zeros(), s1 = zeros(), s2 = zeros(), s3 = zeros();
  std::int64_t c = 0;
  for (; c + 4 * lanes <= columns; c += 4 * lanes) {
    s0 += f(c, Whole{});
    s1 += f(c + lanes, Whole{});
    s2 += f(c + 2 * lanes, Whole{});
    s3 += f(c + 3 * lanes, Whole{});
  }
  for (; c + lanes <= columns; c += lanes) s0 += f(c, Whole{});
  if (c < columns) s1 += f(c, Part{columns - c});
  return sum_of((s0 + s1) + (s2 + s3));
}

template <class S>
void norm_row(const NormForward& norm, std::int64_t row) {
  using Element = typename S::Element;
  const std::int64_t columns = norm.columns, begin = row * columns;
  const auto* x = static_cast<const Element*>(norm.x.data) + begin;
  if (norm.residual.data) {
    const auto* residual = static_cast<const Element*>(norm.residual.data) + begin;
    auto* sum = static_cast<Element*>(norm.sum.data) + begin;
    for_lanes(columns, [=](std::int64_t c, auto count) {
      store<S>(sum + c, load<S>(x + c, count) + load<S>(residual + c, count), count);
    });
    x = sum;
  }
  const float share = 1.0f / static_cast<float>(columns);
  float mean = 0;
  if (norm.mean) {
    mean = share * row_sum(columns, [=](std::int64_t c, auto count) { return load<S>(x + c, count); });
    norm.mean[row] = mean;
  }
  const float squares = row_sum(columns, [=](std::int64_t c, auto count) {
    const Floats d = only(load<S>(x + c, count) - mean, count, 0.0f);
    return d * d;
  });
  const float rstd = 1.0f / __builtin_sqrtf(squares * share + norm.epsilon);
  norm.rstd[row] = rstd;
  auto* y = static_cast<Element*>(norm.y.data) + begin;
  for_lanes(columns, [=](std::int64_t c, auto count) {
    Floats value = (load<S>(x + c, count) - mean) * rstd * load<F32>(norm.weight + c, count);
    if (norm.bias) value += load<F32>(norm.bias + c, count);
    store<S>(y + c, value, count);
  });
}

// dx of one row is rstd (g - average(g) - n average(g n)), n = (x - mean) rstd, g = dy weight; written as
// dx = rstd g - offset - tilt (x - mean).
struct RowFactors {
  float mean, rstd, offset, tilt;
};

template <class S>
RowFactors factors_of(const NormBackward& norm, std::int64_t row) {
  using Element = typename S::Element;
  const std::int64_t columns = norm.columns, begin = row * columns;
  const auto* dy = static_cast<const Element*>(norm.dy.data) + begin;
  const auto* x = static_cast<const Element*>(norm.x.data) + begin;
  const float mean = norm.mean ? norm.mean[row] : 0.0f, rstd = norm.rstd[row];
  const float share = 1.0f / static_cast<float>(columns);
  Floats g0 = zeros(), g1 = zeros(), gn0 = zeros(), gn1 = zeros();
  std::int64_t c = 0;
  const auto add = [&](Floats& g_sum, Floats& gn_sum, std::int64_t at, auto count) {
    const Floats g = load<S>(dy + at, count) * load<F32>(norm.weight + at, count);
    g_sum += g;
    gn_sum += g * (load<S>(x + at, count) - mean);
  };
  for (; c + 2 * lanes <= columns; c += 2 * lanes) {
    add(g0, gn0, c, Whole{});
    add(g1, gn1, c + lanes, Whole{});
  }
  if (c + lanes <= columns) add(g0, gn0, c, Whole{}), c += lanes;
  if (c < columns) add(g1, gn1, c, Part{columns - c});
  const float offset = norm.mean ? sum_of(g0 + g1) * share * rstd : 0.0f;
  return {mean, rstd, offset, sum_of(gn0 + gn1) * share * rstd * rstd * rstd};
}

// A few rows at a time: the sums over columns stay in registers for all of them.
template <class S, bool centred>
void grad_rows(const NormBackward& norm, std::int64_t row, std::int64_t height, const RowFactors* factors) {
  using Element = typename S::Element;
  const std::int64_t columns = norm.columns, begin = row * columns;
  const auto* dy = static_cast<const Element*>(norm.dy.data) + begin;
  const auto* x = static_cast<const Element*>(norm.x.data) + begin;
  const auto* add = static_cast<const Element*>(norm.add.data);
  if (add) add += begin;
  auto* dx = static_cast<Element*>(norm.dx.data) + begin;
  for_lanes(columns, [&](std::int64_t c, auto count) {
    const Floats weight = load<F32>(norm.weight + c, count);
    Floats dweight = load<F32>(norm.dweight + c, count);
    Floats dbias = centred ? load<F32>(norm.dbias + c, count) : zeros();
    for (std::int64_t r = 0; r < height; ++r) {
      const std::int64_t at = r * columns + c;
      const RowFactors& f = factors[r];
      const Floats upstream = load<S>(dy + at, count);
      const Floats distance = load<S>(x + at, count) - f.mean;
      dweight += upstream * (distance * f.rstd);
      dbias += upstream;
      Floats gradient = upstream * weight * f.rstd - f.offset - distance * f.tilt;
      if (add) gradient += load<S>(add + at, count);
      store<S>(dx + at, gradient, count);
    }
    store<F32>(norm.dweight + c, dweight, count);
    if (centred) store<F32>(norm.dbias + c, dbias, count);
  });
}

}  // namespace

void norm(const NormForward& norm, Range rows) {
  with_storage(norm.x.dtype, [&]<class S>(S) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row) norm_row<S>(norm, row);
  });
}

void norm_grad(const NormBackward& norm, Range rows) {
  constexpr std::int64_t together = 4;
  for (std::int64_t c = 0; c < norm.columns; ++c) norm.dweight[c] = 0;
  for (std::int64_t c = 0; c < norm.columns && norm.dbias; ++c) norm.dbias[c] = 0;
  with_storage(norm.x.dtype, [&]<class S>(S) {
    for (std::int64_t row = rows.begin; row < rows.end; row += together) {
      const std::int64_t height = rows.end - row < together ? rows.end - row : together;
      RowFactors factors[together];
      for (std::int64_t r = 0; r < height; ++r) factors[r] = factors_of<S>(norm, row + r);
      if (norm.dbias)
        grad_rows<S, true>(norm, row, height, factors);
      else
        grad_rows<S, false>(norm, row, height, factors);
    }
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
