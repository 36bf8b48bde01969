#include "runtime/nn/image_norm.h"

#include "runtime/device/timeline.h"

namespace trireme::nn {

BatchNorm2d::BatchNorm2d(std::int64_t channels, const BatchNormOptions& options)
    : weight({channels}, options.weight),
      bias({channels}, Init::zero()),
      running_mean({channels}, Init::zero()),
      running_variance({channels}, Init::one()),
      options_(options) {
  add("weight", weight);
  add("bias", bias);
  add("running_mean", running_mean);
  add("running_variance", running_variance);
}

Tensor BatchNorm2d::forward(Context& cx, const Tensor& x) {
  return forward(cx, x, {});
}

Tensor BatchNorm2d::forward(Context& cx, const Tensor& x, const Tensor& residual) {
  const TimeRange range(cx.device, path());
  return ops::batch_norm(cx, x, weight.tensor(), bias.tensor(), residual, {running_mean.value, running_variance.value},
                         {.epsilon = options_.epsilon,
                          .momentum = options_.momentum,
                          .slope = options_.slope,
                          .shared = shared ? &shared : nullptr});
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, float epsilon)
    : weight({channels}, Init::one()), bias({channels}, Init::zero()), groups_(groups), epsilon_(epsilon) {
  require(groups > 0 && channels % groups == 0, "group norm", "expected groups that divide", channels,
          "channels, found", groups);
  add("weight", weight);
  add("bias", bias);
}

Tensor GroupNorm::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::group_norm(cx, x, weight.tensor(), bias.tensor(), groups_, epsilon_);
}

InstanceNorm::InstanceNorm(std::int64_t channels, bool affine, float epsilon)
    : weight({channels}, Init::one()), bias({channels}, Init::zero()), affine_(affine), epsilon_(epsilon) {
  if (!affine) return;
  add("weight", weight);
  add("bias", bias);
}

Tensor InstanceNorm::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::group_norm(cx, x, affine_ ? weight.tensor() : Tensor{}, affine_ ? bias.tensor() : Tensor{},
                         weight.shape[0], epsilon_);
}

}  // namespace trireme::nn
