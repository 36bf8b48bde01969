#include "parallel/tensor/vocabulary.h"

#include "runtime/ops/loss.h"

namespace trireme::parallel {
namespace {

Region region_of(const Tensor& x, std::string_view label) {
  return {x.raw(), x.numel(), x.dtype(), label};
}

}  // namespace

Tensor split_linear_cross_entropy(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets,
                                  const VocabularyPart& part, std::string_view label) {
  const auto grade = [&](Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& wanted, bool gradient) {
    const std::int64_t rows = logits.size(0);
    Tensor mine = empty(cx.device, {rows, class_numbers}, DType::f32);
    const Tensor all = empty(cx.device, {part.axis.size(), rows, class_numbers}, DType::f32);
    cx.kernels.class_stats(mine, logits, wanted, part.first);
    part.axis.compute().all_gather(region_of(mine, label), region_of(all, label), cx.device.compute());
    cx.kernels.cross_entropy_part(losses, weights, logits, wanted, all,
                                  {.gradient = gradient, .first_class = part.first, .classes = part.vocabulary});
  };
  // Blocks by an equal share: the same rows on every rank, whatever its part of the vocabulary.
  const std::int64_t share = (part.vocabulary + part.axis.size() - 1) / part.axis.size();
  return ops::linear_loss(cx, x, weight, targets,
                          {.name = "split_linear_cross_entropy", .columns = share, .grade = grade});
}

}  // namespace trireme::parallel
