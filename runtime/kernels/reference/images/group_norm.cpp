#include <cmath>

#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/images/places.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// Which group of which image an element belongs to.
struct Groups {
  std::size_t channels, in_image, groups;

  Groups(const Tensor& x, std::int64_t count)
      : channels(static_cast<std::size_t>(x.size(3))),
        in_image(static_cast<std::size_t>(x.size(1) * x.size(2)) * channels),
        groups(static_cast<std::size_t>(count)) {}
  std::size_t of(std::size_t i) const { return i / in_image * groups + i % channels * groups / channels; }
  double size() const { return static_cast<double>(in_image / groups); }
};

}  // namespace

void ReferenceImages::group_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const GroupNorm& how) {
  Values values = load(x);
  const Groups groups(x, how.groups);
  const Values weight = how.weight ? load(*how.weight) : Values(groups.channels, 1.0);
  const Values bias = how.bias ? load(*how.bias) : Values(groups.channels);
  Values means(static_cast<std::size_t>(mean.numel())), rstds(means.size());
  for (std::size_t i = 0; i < values.size(); ++i) means[groups.of(i)] += values[i] / groups.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double distance = values[i] - means[groups.of(i)];
    rstds[groups.of(i)] += distance * distance / groups.size();
  }
  for (double& value : rstds) value = 1 / std::sqrt(value + double{how.epsilon});
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i % groups.channels;
    values[i] = (values[i] - means[groups.of(i)]) * rstds[groups.of(i)] * weight[c] + bias[c];
  }
  store(mean, means);
  store(rstd, rstds);
  store(y, values);
}

void ReferenceImages::group_norm_grad(Tensor& dx, Tensor* dweight, Tensor* dbias, const Tensor& dy, const Tensor& x,
                                      const Tensor& mean, const Tensor& rstd, const GroupNorm& how, bool accumulate) {
  Values gradient = load(dy);
  const Values in = load(x), means = load(mean), rstds = load(rstd);
  const Groups groups(x, how.groups);
  const Values weight = how.weight ? load(*how.weight) : Values(groups.channels, 1.0);
  Values to_weight(groups.channels), to_bias(groups.channels), average(means.size()), tilt(means.size());
  const auto normalised = [&](std::size_t i) { return (in[i] - means[groups.of(i)]) * rstds[groups.of(i)]; };
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const std::size_t c = i % groups.channels;
    to_weight[c] += gradient[i] * normalised(i);
    to_bias[c] += gradient[i];
    average[groups.of(i)] += gradient[i] * weight[c] / groups.size();
    tilt[groups.of(i)] += gradient[i] * weight[c] * normalised(i) / groups.size();
  }
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const std::size_t group = groups.of(i);
    gradient[i] =
        rstds[group] * (gradient[i] * weight[i % groups.channels] - average[group] - normalised(i) * tilt[group]);
  }
  store(dx, gradient);
  if (dweight) store_gradient(*dweight, to_weight, accumulate);
  if (dbias) store_gradient(*dbias, to_bias, accumulate);
}

}  // namespace trireme::reference
