#include "runtime/base/error.h"
#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {

void CpuKernels::cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                               const CrossEntropy& how) {
  const std::int64_t classes = columns_of(logits), rows = rows_of(logits);
  const CrossEntropyRows work{.losses = losses.data<float>(),
                              .weights = weights.data<float>(),
                              .logits = array_of(logits),
                              .targets = targets.data<std::int32_t>(),
                              .class_weights = floats_of(how.class_weights),
                              .classes = classes,
                              .label_smoothing = how.label_smoothing,
                              .ignore = how.ignore,
                              .gradient = how.gradient,
                              .gradient_scale = how.gradient_scale};
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int32_t target = work.targets[row];
    if (target != how.ignore && (target < 0 || target >= classes))
      fail("cross_entropy", "expected targets in [ 0 ,", classes, ") or", how.ignore, ", found", target, "in row", row);
  }
  for_range(rows, 4 * classes, [&](Range range) { level_.cross_entropy(work, range); });
}

void CpuKernels::pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target, PointwiseLoss loss) {
  total.data<float>()[0] = static_cast<float>(sum_of_parts(x.numel(), [&](Range range) {
    return level_.pointwise_loss(array_of(dx), array_of(x), array_of(target), loss, range);
  }));
}

}  // namespace trireme::cpu
