#include "runtime/base/error.h"
#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {

namespace {

// All classes are in the logits, unless the caller says otherwise.
CrossEntropyRows rows_to_do(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                            const CrossEntropy& how) {
  const std::int64_t here = columns_of(logits);
  return {.losses = losses.data<float>(),
          .weights = weights.data<float>(),
          .logits = array_of(logits),
          .targets = targets.data<std::int32_t>(),
          .class_weights = floats_of(how.class_weights),
          .here = here,
          .first = 0,
          .classes = here,
          .stats = nullptr,
          .parts = 1,
          .rows = rows_of(logits),
          .label_smoothing = how.label_smoothing,
          .ignore = how.ignore,
          .gradient = how.gradient,
          .gradient_scale = how.gradient_scale};
}

void check_targets(const CrossEntropyRows& work) {
  for (std::int64_t row = 0; row < work.rows; ++row) {
    const std::int32_t target = work.targets[row];
    if (target != work.ignore && (target < 0 || target >= work.classes))
      fail("cross_entropy", "expected targets in [ 0 ,", work.classes, ") or", work.ignore, ", found", target, "in row",
           row);
  }
}

}  // namespace

void CpuKernels::cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                               const CrossEntropy& how) {
  const CrossEntropyRows work = rows_to_do(losses, weights, logits, targets, how);
  check_targets(work);
  for_range(work.rows, 4 * work.here, [&](Range range) { level_.cross_entropy(work, range); });
}

void CpuKernels::class_stats(Tensor& stats, const Tensor& logits, const Tensor& targets, std::int64_t first_class) {
  const ClassStatsRows work{.stats = stats.data<float>(),
                            .logits = array_of(logits),
                            .targets = targets.data<std::int32_t>(),
                            .here = columns_of(logits),
                            .first = first_class};
  for_range(rows_of(logits), 2 * work.here, [&](Range range) { level_.class_stats(work, range); });
}

void CpuKernels::cross_entropy_part(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                    const Tensor& stats, const CrossEntropy& how) {
  require(!how.class_weights, "cross_entropy_part", "expected no class weights");
  CrossEntropyRows work = rows_to_do(losses, weights, logits, targets, how);
  work.first = how.first_class;
  work.classes = how.classes;
  work.stats = stats.data<float>();
  work.parts = stats.size(0);
  check_targets(work);
  for_range(work.rows, 2 * work.here, [&](Range range) { level_.cross_entropy(work, range); });
}

void CpuKernels::pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target, PointwiseLoss loss) {
  total.data<float>()[0] = static_cast<float>(sum_of_parts(x.numel(), [&](Range range) {
    return level_.pointwise_loss(array_of(dx), array_of(x), array_of(target), loss, range);
  }));
}

}  // namespace trireme::cpu
