#include <cmath>

#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/images/places.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// Statistics and factors of every channel.
struct Channels {
  Values mean, rstd, weight, bias;
  std::size_t count;

  Channels(const Tensor& means, const Tensor& rstds, const ChannelNorm& how)
      : mean(load(means)), rstd(load(rstds)), count(mean.size()) {
    weight = how.weight ? load(*how.weight) : Values(count, 1.0);
    bias = how.bias ? load(*how.bias) : Values(count);
  }
  double normalised(double x, std::size_t i) const { return (x - mean[i % count]) * rstd[i % count]; }
  double mapped(double x, std::size_t i) const { return normalised(x, i) * weight[i % count] + bias[i % count]; }
};

// Whether to let the gradient of element i through whole.
bool positive(const Values& y, const Values& x, const Channels& channels, std::size_t i) {
  return (y.empty() ? channels.mapped(x[i], i) : y[i]) > 0;
}

}  // namespace

void ReferenceImages::channel_stats(Tensor& stats, const Tensor& x) {
  const Values from = load(x);
  const auto channels = static_cast<std::size_t>(columns_of(x));
  const double share = 1.0 / static_cast<double>(rows_of(x));
  Values result(2 * channels);
  for (std::size_t i = 0; i < from.size(); ++i) result[i % channels] += share * from[i];
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double distance = from[i] - result[i % channels];
    result[channels + i % channels] += distance * distance;
  }
  store(stats, result);
}

void ReferenceImages::conclude_stats(Tensor& mean, Tensor& rstd, Tensor* running_mean, Tensor* running_variance,
                                     const Tensor& stats, const StatsRule& rule) {
  const Values from = load(stats);
  const auto channels = static_cast<std::size_t>(mean.numel()), parts = from.size() / (2 * channels);
  const auto rows = static_cast<double>(rule.rows), all = rows * static_cast<double>(parts);
  Values means(channels), rstds(channels), variances(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < parts; ++p) means[c] += from[2 * p * channels + c] / static_cast<double>(parts);
    double squares = 0;
    for (std::size_t p = 0; p < parts; ++p) {
      const double distance = from[2 * p * channels + c] - means[c];
      squares += from[(2 * p + 1) * channels + c] + rows * distance * distance;
    }
    rstds[c] = 1 / std::sqrt(squares / all + double{rule.epsilon});
    variances[c] = squares / (all > 1 ? all - 1 : 1);
  }
  store(mean, means);
  store(rstd, rstds);
  const auto move = [&](Tensor* running, const Values& towards) {
    if (!running) return;
    Values now = load(*running);
    for (std::size_t c = 0; c < channels; ++c) now[c] += double{rule.momentum} * (towards[c] - now[c]);
    store(*running, now);
  };
  move(running_mean, means);
  move(running_variance, variances);
}

void ReferenceImages::rstd_of(Tensor& rstd, const Tensor& variance, float epsilon) {
  Values values = load(variance);
  for (double& value : values) value = 1 / std::sqrt(value + double{epsilon});
  store(rstd, values);
}

void ReferenceImages::channel_norm(Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                   const ChannelNorm& how) {
  Values values = load(x);
  const Channels channels(mean, rstd, how);
  const Values residual = how.residual ? load(*how.residual) : Values(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = sloped(channels.mapped(values[i], i) + residual[i], how.slope);
  store(y, values);
}

void ReferenceImages::channel_norm_sums(Tensor& sums, Tensor* g, const Tensor& dy, const Tensor& x, const Tensor* y,
                                        const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) {
  Values gradient = load(dy);
  const Values in = load(x), out = y ? load(*y) : Values{};
  const Channels channels(mean, rstd, how);
  Values totals(2 * channels.count);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    if (how.slope != 1 && !positive(out, in, channels, i)) gradient[i] *= double{how.slope};
    totals[i % channels.count] += gradient[i] * channels.normalised(in[i], i);
    totals[channels.count + i % channels.count] += gradient[i];
  }
  store(sums, totals);
  if (g) store(*g, gradient);
}

void ReferenceImages::channel_norm_grad(Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& mean,
                                        const Tensor& rstd, const Tensor* sums, std::int64_t rows,
                                        const ChannelNorm& how) {
  Values gradient = load(dy);
  const Values in = load(x);
  const Channels channels(mean, rstd, how);
  const Values totals = sums ? load(*sums) : Values(2 * channels.count);
  const double share = 1.0 / static_cast<double>(rows);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const std::size_t c = i % channels.count;
    if (how.slope != 1 && !positive({}, in, channels, i)) gradient[i] *= double{how.slope};
    const double common = share * (totals[channels.count + c] + channels.normalised(in[i], i) * totals[c]);
    gradient[i] = channels.weight[c] * channels.rstd[c] * (gradient[i] - common);
  }
  store(dx, gradient);
}

}  // namespace trireme::reference
