// The cpu's kernels of images; each group is defined in the file of its name. They share the threads, the vector loops
// and the working memory of the kernels that they belong to.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/kernels/cpu/level.h"
#include "runtime/kernels/cpu/scratch.h"
#include "runtime/kernels/cpu/thread_pool.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::cpu {

class CpuImages final : public ImageKernels {
 public:
  CpuImages(const Level& level, ThreadPool& pool, Scratch& scratch) : level_(level), pool_(pool), scratch_(scratch) {}

  void copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                     std::int64_t count) override;

 private:
  // work(Range) over [0, count) where results do not depend on the cuts; `cost` is the elements of one item.
  template <class Work>
  void for_range(std::int64_t count, std::int64_t cost, Work&& work) {
    constexpr std::int64_t grain_elements = 1 << 14;
    const std::int64_t grain = std::max<std::int64_t>(1, grain_elements / std::max<std::int64_t>(1, cost));
    if (pool_.threads() == 1 || count <= grain) {
      if (count > 0) work(Range{0, count});
      return;
    }
    pool_.run((count + grain - 1) / grain, [&](std::int64_t i) {
      work(Range{i * grain, std::min(count, (i + 1) * grain)});
    });
  }

  [[maybe_unused]] const Level& level_;
  ThreadPool& pool_;
  [[maybe_unused]] Scratch& scratch_;
};

}  // namespace trireme::cpu
