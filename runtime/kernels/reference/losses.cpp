#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

struct Point {
  double loss;
  double slope;  // d loss / dx
};

double sign(double x) {
  return static_cast<double>(x > 0) - static_cast<double>(x < 0);
}

Point point_of(PointwiseLoss loss, double x, double t) {
  switch (loss) {
    case PointwiseLoss::mse: return {(x - t) * (x - t), 2 * (x - t)};
    case PointwiseLoss::mae: return {std::abs(x - t), sign(x - t)};
    case PointwiseLoss::bce_logits:
      return {std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x))), 1 / (1 + std::exp(-x)) - t};
    case PointwiseLoss::hinge: return {std::max(0.0, 1 - t * x), 1 - t * x > 0 ? -t : 0};
    case PointwiseLoss::kl: return {t > 0 ? t * (std::log(t) - x) : 0, -t};
  }
  fail("pointwise_loss", "expected a loss, found number", static_cast<int>(loss));
}

}  // namespace

// loss = -sum over v of q_v log p_v, with p = softmax(logits) and q_v = w_v ((1 - s) [v = target] + s / V); gradient
// p sum(q) - q.
void ReferenceKernels::cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                     const CrossEntropy& how) {
  const std::int64_t rows = rows_of(logits), classes = columns_of(logits);
  const std::vector<std::int32_t> wanted = load_ids(targets, classes, how.ignore);
  const Values class_weights =
      how.class_weights == nullptr ? Values(static_cast<std::size_t>(classes), 1.0) : load(*how.class_weights);
  Values values = load(logits), loss_of(wanted.size()), weight_of(wanted.size());
  const double smoothing = how.label_smoothing,
               mean_weight =
                   std::accumulate(class_weights.begin(), class_weights.end(), 0.0) / static_cast<double>(classes);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    double* z = values.data() + r * classes;
    const bool counts = wanted[row] != how.ignore;
    weight_of[row] = counts ? class_weights[static_cast<std::size_t>(wanted[row])] : 0;
    const double largest = *std::max_element(z, z + classes);
    double total = 0;
    for (std::int64_t v = 0; v < classes; ++v) total += std::exp(z[v] - largest);
    const double all_q = (1 - smoothing) * weight_of[row] + smoothing * mean_weight;
    for (std::int64_t v = 0; v < classes; ++v) {
      const double log_p = z[v] - largest - std::log(total), of_class = class_weights[static_cast<std::size_t>(v)];
      const double q = of_class * ((v == wanted[row] ? 1 - smoothing : 0) + smoothing / static_cast<double>(classes));
      if (counts && q > 0) loss_of[row] -= q * log_p;
      z[v] = counts ? how.gradient_scale * (std::exp(log_p) * all_q - q) : 0;
    }
  }
  store(losses, loss_of);
  store(weights, weight_of);
  if (how.gradient) store(logits, values);
}

void ReferenceKernels::class_stats(Tensor& stats, const Tensor& logits, const Tensor& targets,
                                   std::int64_t first_class) {
  const std::int64_t rows = rows_of(logits), classes = columns_of(logits);
  const Values values = load(logits), wanted = load(targets);
  Values result;
  for (std::int64_t r = 0; r < rows; ++r) {
    const double* z = values.data() + r * classes;
    const double largest = *std::max_element(z, z + classes);
    double total = 0, sum = 0;
    for (std::int64_t v = 0; v < classes; ++v) total += std::exp(z[v] - largest), sum += z[v];
    const std::int64_t target = static_cast<std::int64_t>(wanted[static_cast<std::size_t>(r)]) - first_class;
    const bool here = target >= 0 && target < classes;
    for (const double number : {largest, total, here ? z[target] : 0.0, sum}) result.push_back(number);
  }
  store(stats, result);
}

void ReferenceKernels::cross_entropy_part(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                          const Tensor& stats, const CrossEntropy& how) {
  const std::int64_t rows = rows_of(logits), here = columns_of(logits), parts = stats.size(0);
  const std::vector<std::int32_t> wanted = load_ids(targets, how.classes, how.ignore);
  const Values all = load(stats);
  Values values = load(logits), loss_of(wanted.size()), weight_of(wanted.size());
  const double smoothing = how.label_smoothing, count = static_cast<double>(how.classes);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    const auto part = [&](std::int64_t n) { return all.data() + (n * rows + r) * class_numbers; };
    double largest = part(0)[0], total = 0, logit = 0, sum = 0;
    for (std::int64_t n = 1; n < parts; ++n) largest = std::max(largest, part(n)[0]);
    for (std::int64_t n = 0; n < parts; ++n) {
      total += part(n)[1] * std::exp(part(n)[0] - largest);
      logit += part(n)[2];
      sum += part(n)[3];
    }
    const double denominator = largest + std::log(total);
    const bool counts = wanted[row] != how.ignore;
    weight_of[row] = counts ? 1 : 0;
    loss_of[row] = counts ? (denominator - (1 - smoothing) * logit - smoothing * sum / count) : 0;
    double* z = values.data() + r * here;
    for (std::int64_t v = 0; v < here; ++v) {
      const double q = (how.first_class + v == wanted[row] ? 1 - smoothing : 0) + smoothing / count;
      z[v] = counts ? how.gradient_scale * (std::exp(z[v] - denominator) - q) : 0;
    }
  }
  store(losses, loss_of);
  store(weights, weight_of);
  if (how.gradient) store(logits, values);
}

void ReferenceKernels::pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target,
                                      PointwiseLoss loss) {
  const Values values = load(x), wanted = load(target);
  Values slopes;
  double sum_of_losses = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Point point = point_of(loss, values[i], wanted[i]);
    sum_of_losses += point.loss;
    slopes.push_back(point.slope);
  }
  store(total, {sum_of_losses});
  if (dx != nullptr) store(*dx, slopes);
}

}  // namespace trireme::reference
