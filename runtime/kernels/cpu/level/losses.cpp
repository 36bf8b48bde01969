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

// The sum of x - centre.
template <class S>
double sum_from(const typename S::Element* row, std::int64_t columns, float centre) {
  double total = 0;
  constexpr std::int64_t block = 1024;
  for (std::int64_t begin = 0; begin < columns; begin += block) {
    Floats sums = zeros();
    for_lanes(columns - begin < block ? columns - begin : block,
              [&](std::int64_t c, auto count) { sums += only(load<S>(row + begin + c, count) - centre, count, 0.0f); });
    total += static_cast<double>(sum_of(sums));
  }
  return total;
}

// What a row's loss and gradient need to know of all its classes.
struct RowFacts {
  LogSum all;
  float logit;    // the target's
  float uniform;  // the average of log_total - (x - largest): the loss against the uniform distribution
};

template <class S>
RowFacts facts_here(const CrossEntropyRows& rows, const typename S::Element* row, std::int32_t target) {
  RowFacts facts{log_sum_exp<S>(row, rows.here), element<S>(row + target), 0.0f};
  if (rows.label_smoothing != 0)
    facts.uniform = facts.all.log_total -
                    static_cast<float>(sum_from<S>(row, rows.here, facts.all.largest) / static_cast<double>(rows.here));
  return facts;
}

// From the numbers of all parts, in their order.
inline RowFacts facts_of_parts(const CrossEntropyRows& rows, std::int64_t at) {
  const auto part = [&](std::int64_t i) { return rows.stats + (i * rows.rows + at) * class_numbers; };
  RowFacts facts{{part(0)[0], 0.0f, 0.0f}, 0.0f, 0.0f};
  for (std::int64_t i = 1; i < rows.parts; ++i)
    if (part(i)[0] > facts.all.largest) facts.all.largest = part(i)[0];
  double sum = 0;
  for (std::int64_t i = 0; i < rows.parts; ++i) {
    facts.all.total += part(i)[1] * __builtin_expf(part(i)[0] - facts.all.largest);
    facts.logit += part(i)[2];
    sum += static_cast<double>(part(i)[3]);
  }
  facts.all.log_total = __builtin_logf(facts.all.total);
  const double average = sum / static_cast<double>(rows.classes) - static_cast<double>(facts.all.largest);
  facts.uniform = facts.all.log_total - static_cast<float>(average);
  return facts;
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
  auto* row = static_cast<typename S::Element*>(rows.logits.data) + at * rows.here;
  const std::int32_t target = rows.targets[at];
  if (target == rows.ignore) {
    rows.losses[at] = rows.weights[at] = 0;
    if (rows.gradient) clear<S>(row, rows.here);
    return;
  }
  const RowFacts facts = rows.stats ? facts_of_parts(rows, at) : facts_here<S>(rows, row, target);
  const LogSum& all_classes = facts.all;
  const float smoothing = rows.label_smoothing;
  const float* class_weights = rows.class_weights;
  const float weight = class_weights ? class_weights[target] : 1.0f;
  Weighted uniform{facts.uniform, 1.0f};
  if (smoothing != 0 && class_weights) uniform = weighted_uniform_loss<S>(row, class_weights, rows.here, all_classes);
  const float sharp = (1 - smoothing) * weight;
  rows.losses[at] = sharp * (all_classes.log_total - (facts.logit - all_classes.largest)) + smoothing * uniform.loss;
  rows.weights[at] = weight;
  if (!rows.gradient) return;
  const float scale = rows.gradient_scale, spread = smoothing * uniform.weight;
  const float factor = scale * (sharp + spread) / all_classes.total;
  const float everywhere = scale * smoothing / static_cast<float>(rows.classes);
  for_lanes(rows.here, [=](std::int64_t c, auto count) {
    const Floats p = exp_of_nonpositive(load<S>(row + c, count) - all_classes.largest);
    const Floats q = class_weights ? load<F32>(class_weights + rows.first + c, count) * everywhere : all(everywhere);
    store<S>(row + c, p * factor - q, count);
  });
  const std::int64_t place = target - rows.first;
  if (place < 0 || place >= rows.here) return;
  const float p = __builtin_expf(facts.logit - all_classes.largest) / all_classes.total;
  store_element<S>(row + place, scale * (sharp * (p - 1) + spread * p) - everywhere * weight);
}

template <class S>
void class_stats_row(const ClassStatsRows& rows, std::int64_t at) {
  const auto* row = static_cast<const typename S::Element*>(rows.logits.data) + at * rows.here;
  const LogSum sum = log_sum_exp<S>(row, rows.here);
  const std::int64_t target = rows.targets[at] - rows.first;
  float* stats = rows.stats + at * class_numbers;
  stats[0] = sum.largest;
  stats[1] = sum.total;
  stats[2] = target >= 0 && target < rows.here ? element<S>(row + target) : 0.0f;
  stats[3] = static_cast<float>(sum_from<S>(row, rows.here, 0.0f));
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

void class_stats(const ClassStatsRows& rows, Range range) {
  with_storage(rows.logits.dtype, [&]<class S>(S) {
    for (std::int64_t row = range.begin; row < range.end; ++row) class_stats_row<S>(rows, row);
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
