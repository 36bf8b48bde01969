#include "runtime/kernels/dry/dry_images.h"

namespace trireme {
namespace {

// Of one pass: y has K filters of as many elements each.
double convolution_flops(const Tensor& y, const Tensor& weight) {
  const double filter = weight.size(0) == 0 ? 0 : static_cast<double>(weight.numel() / weight.size(0));
  return 2.0 * static_cast<double>(y.numel()) * filter;
}

}  // namespace

void DryImages::convolution(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) {
  counter_.count("convolution", {&x, &weight, how.bias}, {&y}, convolution_flops(y, weight));
}
void DryImages::convolution_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) {
  counter_.count("convolution_input", {&dy, &weight, how.bias}, {&dx}, convolution_flops(dy, weight));
}
void DryImages::convolution_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution&,
                                   bool accumulate) {
  counter_.count("convolution_weight", {&dy, &x, accumulate ? &dweight : nullptr}, {&dweight},
                 convolution_flops(dy, dweight));
}
void DryImages::slope_grad(Tensor& dx, const Tensor& dy, const Tensor& y, float, Tensor* dbias, bool accumulate) {
  counter_.count("slope_grad", {&dy, &y, accumulate ? dbias : nullptr}, {&dx, dbias});
}

void DryImages::max_pool(Tensor& y, Tensor& where, const Tensor& x, const Window&) {
  counter_.count("max_pool", {&x}, {&y, &where});
}
void DryImages::max_pool_grad(Tensor& dx, const Tensor& dy, const Tensor& where, const Window&) {
  counter_.count("max_pool_grad", {&dy, &where}, {&dx});
}
void DryImages::average_pool(Tensor& y, const Tensor& x, const Window&) {
  counter_.count("average_pool", {&x}, {&y});
}
void DryImages::average_pool_grad(Tensor& dx, const Tensor& dy, const Window&) {
  counter_.count("average_pool_grad", {&dy}, {&dx});
}
void DryImages::adaptive_average_pool(Tensor& y, const Tensor& x) {
  counter_.count("adaptive_average_pool", {&x}, {&y});
}
void DryImages::adaptive_average_pool_grad(Tensor& dx, const Tensor& dy) {
  counter_.count("adaptive_average_pool_grad", {&dy}, {&dx});
}

void DryImages::channel_stats(Tensor& stats, const Tensor& x) {
  counter_.count("channel_stats", {&x}, {&stats});
}
void DryImages::conclude_stats(Tensor& mean, Tensor& rstd, Tensor* running_mean, Tensor* running_variance,
                               const Tensor& stats, const StatsRule&) {
  counter_.count("conclude_stats", {&stats, running_mean, running_variance},
                 {&mean, &rstd, running_mean, running_variance});
}
void DryImages::rstd_of(Tensor& rstd, const Tensor& variance, float) {
  counter_.count("rstd_of", {&variance}, {&rstd});
}
void DryImages::channel_norm(Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                             const ChannelNorm& how) {
  counter_.count("channel_norm", {&x, &mean, &rstd, how.weight, how.bias, how.residual}, {&y});
}
void DryImages::channel_norm_sums(Tensor& sums, Tensor* g, const Tensor& dy, const Tensor& x, const Tensor* y,
                                  const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) {
  counter_.count("channel_norm_sums", {&dy, &x, y, &mean, &rstd, how.weight, how.bias}, {&sums, g});
}
void DryImages::channel_norm_grad(Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                  const Tensor* sums, std::int64_t, const ChannelNorm& how) {
  counter_.count("channel_norm_grad", {&dy, &x, &mean, &rstd, sums, how.weight, how.bias}, {&dx});
}

void DryImages::group_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const GroupNorm& how) {
  counter_.count("group_norm", {&x, how.weight, how.bias}, {&y, &mean, &rstd});
}
void DryImages::group_norm_grad(Tensor& dx, Tensor* dweight, Tensor* dbias, const Tensor& dy, const Tensor& x,
                                const Tensor& mean, const Tensor& rstd, const GroupNorm& how, bool accumulate) {
  counter_.count("group_norm_grad",
                 {&dy, &x, &mean, &rstd, how.weight, accumulate ? dweight : nullptr, accumulate ? dbias : nullptr},
                 {&dx, dweight, dbias});
}

void DryImages::resample(Tensor& y, const Tensor& x, Resampling) {
  counter_.count("resample", {&x}, {&y});
}
void DryImages::resample_grad(Tensor& dx, const Tensor& dy, Resampling) {
  counter_.count("resample_grad", {&dy}, {&dx});
}
void DryImages::copy_channels(Tensor&, std::int64_t, const Tensor& x, std::int64_t, std::int64_t count) {
  const std::int64_t channels = x.size(-1), bytes = channels == 0 ? 0 : x.bytes() / channels * count;
  counter_.count_bytes("copy_channels", bytes, bytes, 0);
}

}  // namespace trireme
