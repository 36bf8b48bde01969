#include "runtime/kernels/formulas/losses.h"
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/cpu/level/row_softmax.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

template <class S>
float element(const typename S::Element* p) {
  return load<S>(p, Part{1}).a[0];
}

template <class S>
void store_element(typename S::Element* p, float value) {
  store<S>(p, all(value), Part{1});
}

template <class S>
void clear(typename S::Element* row, std::int64_t columns) {
  for_lanes(columns, [=](std::int64_t c, auto count) { store<S>(row + c, zeros(), count); });
}

// The average of log_total - (x - largest): the loss against the uniform distribution.
template <class S>
float uniform_loss(const typename S::Element* row, std::int64_t columns, const LogSum& stats) {
  double total = 0;
  constexpr std::int64_t block = 1024;
  for (std::int64_t begin = 0; begin < columns; begin += block) {
    Floats sums = zeros();
    for_lanes(columns - begin < block ? columns - begin : block, [&](std::int64_t c, auto count) {
      sums += only(load<S>(row + begin + c, count) - stats.largest, count, 0.0f);
    });
    total += static_cast<double>(sum_of(sums));
  }
  return stats.log_total - static_cast<float>(total / static_cast<double>(columns));
}

struct Weighted {
  float loss;    // the average of weight (log_total - (x - largest))
  float weight;  // the average of the weights
};

template <class S>
Weighted weighted_uniform_loss(const typename S::Element* row, const float* weights, std::int64_t columns,
                               const LogSum& stats) {
  double loss = 0, weight = 0;
  constexpr std::int64_t block = 1024;
  for (std::int64_t begin = 0; begin < columns; begin += block) {
    Floats losses = zeros(), sums = zeros();
    for_lanes(columns - begin < block ? columns - begin : block, [&](std::int64_t c, auto count) {
      const Floats w = only(load<F32>(weights + begin + c, count), count, 0.0f);
      losses += w * (stats.log_total - only(load<S>(row + begin + c, count) - stats.largest, count, 0.0f));
      sums += w;
    });
    loss += static_cast<double>(sum_of(losses));
    weight += static_cast<double>(sum_of(sums));
  }
  const auto count = static_cast<double>(columns);
  return {static_cast<float>(loss / count), static_cast<float>(weight / count)};
}

// loss = sum of q (log_total - (x - largest)), q = w ((1 - s) one-hot + s / V); gradient softmax(x) sum(q) - q.
template <class S>
void cross_entropy_row(const CrossEntropyRows& rows, std::int64_t at) {
  const std::int64_t classes = rows.classes;
  auto* row = static_cast<typename S::Element*>(rows.logits.data) + at * classes;
  const std::int32_t target = rows.targets[at];
  if (target == rows.ignore) {
    rows.losses[at] = rows.weights[at] = 0;
    if (rows.gradient) clear<S>(row, classes);
    return;
  }
  const LogSum stats = log_sum_exp<S>(row, classes);
  const float logit = element<S>(row + target);
  const float smoothing = rows.label_smoothing;
  const float* class_weights = rows.class_weights;
  const float weight = class_weights ? class_weights[target] : 1.0f;
  Weighted uniform{0.0f, 1.0f};
  if (smoothing != 0 && class_weights) uniform = weighted_uniform_loss<S>(row, class_weights, classes, stats);
  if (smoothing != 0 && !class_weights) uniform.loss = uniform_loss<S>(row, classes, stats);
  const float sharp = (1 - smoothing) * weight;
  rows.losses[at] = sharp * (stats.log_total - (logit - stats.largest)) + smoothing * uniform.loss;
  rows.weights[at] = weight;
  if (!rows.gradient) return;
  const float scale = rows.gradient_scale, spread = smoothing * uniform.weight;
  const float factor = scale * (sharp + spread) / stats.total;
  const float everywhere = scale * smoothing / static_cast<float>(classes);
  for_lanes(classes, [=](std::int64_t c, auto count) {
    const Floats p = exp_of_nonpositive(load<S>(row + c, count) - stats.largest);
    const Floats q = class_weights ? load<F32>(class_weights + c, count) * everywhere : all(everywhere);
    store<S>(row + c, p * factor - q, count);
  });
  const float p = __builtin_expf(logit - stats.largest) / stats.total;
  store_element<S>(row + target, scale * (sharp * (p - 1) + spread * p) - everywhere * weight);
}

template <class S, PointwiseLoss kind>
double pointwise(Array dx, Array x, Array target, Range range) {
  using Element = typename S::Element;
  const auto* input = static_cast<const Element*>(x.data) + range.begin;
  const auto* wanted = static_cast<const Element*>(target.data) + range.begin;
  auto* gradient = static_cast<Element*>(dx.data);
  if (gradient) gradient += range.begin;
  double total = 0;
  constexpr std::int64_t block = 512;  // sums of so many in fp32, then in double
  const std::int64_t count = range.end - range.begin;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    Floats sums = zeros();
    for_lanes(count - begin < block ? count - begin : block, [&](std::int64_t i, auto part) {
      const auto point =
          formulas::point_loss<kind>(load<S>(input + begin + i, part), load<S>(wanted + begin + i, part));
      sums += only(point.loss, part, 0.0f);
      if (gradient) store<S>(gradient + begin + i, point.slope, part);
    });
    total += static_cast<double>(sum_of(sums));
  }
  return total;
}

}  // namespace

void cross_entropy(const CrossEntropyRows& rows, Range range) {
  with_storage(rows.logits.dtype, [&]<class S>(S) {
    for (std::int64_t row = range.begin; row < range.end; ++row) cross_entropy_row<S>(rows, row);
  });
}

double pointwise_loss(Array dx, Array x, Array target, PointwiseLoss loss, Range range) {
  double total = 0;
  with_storage(x.dtype, [&]<class S>(S) {
    formulas::with_loss(loss, [&]<class C>(C) { total = pointwise<S, C::value>(dx, x, target, range); });
  });
  return total;
}

}  // namespace trireme::cpu::TRIREME_LEVEL
