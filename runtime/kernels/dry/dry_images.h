// The kernels of images, counted.
#pragma once

#include "runtime/kernels/dry/dry_counter.h"
#include "runtime/kernels/image_kernels.h"

namespace trireme {

class DryImages final : public ImageKernels {
 public:
  explicit DryImages(DryCounter& counter) : counter_(counter) {}

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
  DryCounter& counter_;
};

}  // namespace trireme
