// The cpu's kernels of images; each group is defined in the file of its name. They share the threads, the vector loops
// and the working memory of the kernels that they belong to.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/kernels/cpu/image_level.h"
#include "runtime/kernels/cpu/scratch.h"
#include "runtime/kernels/cpu/thread_pool.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme::cpu {

struct PatchProduct;  // convolution.cpp
enum class WinogradUse : std::uint8_t { forward, input_gradient };

class CpuImages final : public ImageKernels {
 public:
  struct Tools {
    Kernels& kernels;
    const Level& level;
    const ImageLevel& images;
    ThreadPool& pool;
    Scratch& scratch;
  };
  explicit CpuImages(const Tools& tools)
      : kernels_(tools.kernels),
        level_(tools.level),
        images_(tools.images),
        pool_(tools.pool),
        scratch_(tools.scratch) {}

  void convolution(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) override;
  void convolution_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) override;
  void convolution_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how,
                          bool accumulate) override;
  void slope_grad(Tensor& dx, const Tensor& dy, const Tensor& y, float slope, Tensor* dbias, bool accumulate) override;

  void max_pool(Tensor& y, Tensor& where, const Tensor& x, const Window& window) override;
  void max_pool_grad(Tensor& dx, const Tensor& dy, const Tensor& where, const Window& window) override;
  void average_pool(Tensor& y, const Tensor& x, const Window& window) override;
  void average_pool_grad(Tensor& dx, const Tensor& dy, const Window& window) override;
  void adaptive_average_pool(Tensor& y, const Tensor& x) override;
  void adaptive_average_pool_grad(Tensor& dx, const Tensor& dy) override;

  void channel_stats(Tensor& stats, const Tensor& x) override;
  void conclude_stats(Tensor& mean, Tensor& rstd, Tensor* running_mean, Tensor* running_variance, const Tensor& stats,
                      const StatsRule& rule) override;
  void rstd_of(Tensor& rstd, const Tensor& variance, float epsilon) override;
  void channel_norm(Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                    const ChannelNorm& how) override;
  void channel_norm_sums(Tensor& sums, Tensor* g, const Tensor& dy, const Tensor& x, const Tensor* y,
                         const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) override;
  void channel_norm_grad(Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                         const Tensor* sums, std::int64_t rows, const ChannelNorm& how) override;

  void group_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const GroupNorm& how) override;
  void group_norm_grad(Tensor& dx, Tensor* dweight, Tensor* dbias, const Tensor& dy, const Tensor& x,
                       const Tensor& mean, const Tensor& rstd, const GroupNorm& how, bool accumulate) override;

  void resample(Tensor& y, const Tensor& x, Resampling how) override;
  void resample_grad(Tensor& dx, const Tensor& dy, Resampling how) override;
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
  // sums (width) = what work(partial sums, Range) adds to zeros over ranges of [0, rows), in their order; `cost` is the
  // elements of one row. The ranges depend on the sizes alone.
  template <class Work>
  void sum_over(std::int64_t rows, std::int64_t cost, std::int64_t width, float* sums, Work&& work);

  // Groups of convolutions (convolution.cpp).
  void multiply_patches(const PatchProduct& product);
  // Pixels of one group whose distance is a multiple of the stride meet the same places of the window: such a grid of
  // pixels, from (h, w) on, is a convolution of dy with stride 1.
  struct InputGrid {
    std::int64_t h, w, group;
    const float* bias;  // of all channels, or null
  };
  void input_pixels(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how, const InputGrid& grid);
  void weights_of_group(Tensor& dweight, const Tensor& dy, const Patches& patches, std::int64_t group,
                        const Convolution& how, bool accumulate);
  // Fewer products (winograd.cpp), where `outputs` are enough for it to pay.
  static bool fits_winograd(const Convolution& how, std::int64_t channels, std::int64_t filters, std::int64_t outputs);
  void winograd(const WinogradTiles& tiles, const Tensor& weight, WinogradUse use);
  void winograd_weight(const WinogradTiles& tiles, Tensor& dweight, bool accumulate);
  // One filter for each channel (depthwise.cpp).
  void depthwise(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how);
  void depthwise_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how);
  void depthwise_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how, bool accumulate);
  // Every pixel of `to` is a sum of some of `from`, each with a share (pooling.cpp).
  struct SideShares;
  void spread(Tensor& to, const Tensor& from, const SideShares& down, const SideShares& across);

  Kernels& kernels_;
  const Level& level_;
  const ImageLevel& images_;
  ThreadPool& pool_;
  Scratch& scratch_;
};

// The array from element `by` on.
inline Array moved(Array x, std::int64_t by) {
  if (x.data) x.data = static_cast<std::byte*>(x.data) + by * size_of(x.dtype);
  return x;
}

template <class Work>
void CpuImages::sum_over(std::int64_t rows, std::int64_t cost, std::int64_t width, float* sums, Work&& work) {
  constexpr std::int64_t most_parts = 64, least_elements = 1 << 15;
  const std::int64_t least = std::max<std::int64_t>(1, least_elements / std::max<std::int64_t>(1, cost));
  const std::int64_t height = std::max(least, (rows + most_parts - 1) / most_parts);
  const std::int64_t parts = (rows + height - 1) / height;
  const Scratch::Lease partial = scratch_.take(parts * width);
  pool_.run(parts, [&](std::int64_t i) {
    float* mine = partial.data() + i * width;
    std::fill(mine, mine + width, 0.0f);
    work(mine, Range{i * height, std::min(rows, (i + 1) * height)});
  });
  for_range(width, parts, [&](Range range) {
    for (std::int64_t c = range.begin; c < range.end; ++c) {
      float sum = 0;
      for (std::int64_t i = 0; i < parts; ++i) sum += partial.data()[i * width + c];
      sums[c] = sum;
    }
  });
}

}  // namespace trireme::cpu
