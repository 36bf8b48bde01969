#include "parallel/replicate/shared_batch.h"

#include <vector>

#include "runtime/nn/image_norm.h"

namespace trireme::parallel {
namespace {

Tensor gather(Context& cx, const Tensor& mine, const Axis& data) {
  std::vector<std::int64_t> sizes{data.size()};
  sizes.insert(sizes.end(), mine.shape().begin(), mine.shape().end());
  const Tensor all = empty(cx.device, Shape(sizes), mine.dtype());
  data.compute().all_gather({mine.raw(), mine.numel(), mine.dtype(), "batch norm statistics"},
                            {all.raw(), all.numel(), all.dtype(), "batch norm statistics"}, cx.device.compute());
  return all;
}

}  // namespace

void share_batch(nn::Module& module, const Axis& data) {
  if (data.size() == 1) return;
  for (nn::Module* part : module.modules()) {
    auto* norm = dynamic_cast<nn::BatchNorm2d*>(part);
    if (!norm) continue;
    norm->shared = {.parts = data.size(),
                    .gather = [&data](Context& cx, const Tensor& mine) { return gather(cx, mine, data); },
                    .sum =
                        [&data](Device& device, Tensor& sums) {
                          data.compute().all_reduce({sums.raw(), sums.numel(), sums.dtype(), "batch norm gradients"},
                                                    Reduction::sum, device.compute());
                        }};
  }
}

}  // namespace trireme::parallel
