#include <cmath>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"

namespace trireme::cpu {
namespace {

// A vector of channels, on loan, with what a kernel computes of each.
class PerChannel {
 public:
  template <class Compute>
  PerChannel(Scratch& scratch, std::int64_t channels, Compute&& compute) : values_(scratch.take(channels)) {
    for (std::int64_t c = 0; c < channels; ++c) values_.data()[c] = compute(c);
  }
  float* data() const { return values_.data(); }

 private:
  Scratch::Lease values_;
};

std::int64_t channels_of(const Tensor& x) {
  return x.size(-1);
}

// The mean and the squares of several sets, one after the other (Chan et al. 1979).
class Merged {
 public:
  void add(double count, double mean, double squares) {
    if (count == 0) return;
    const double distance = mean - mean_, whole = count_ + count;
    squares_ += squares + distance * distance * count_ * count / whole;
    mean_ += distance * count / whole;
    count_ = whole;
  }
  double mean() const { return mean_; }
  double squares() const { return squares_; }

 private:
  double count_ = 0, mean_ = 0, squares_ = 0;
};

}  // namespace

// Blocks of rows that fit in a cache, read twice there.
void CpuImages::channel_stats(Tensor& stats, const Tensor& x) {
  constexpr std::int64_t block_elements = 1 << 16;
  const std::int64_t channels = channels_of(x), rows = x.numel() / channels;
  const std::int64_t height = std::max<std::int64_t>(8, block_elements / channels);
  const std::int64_t blocks = (rows + height - 1) / height;
  const Scratch::Lease partial = scratch_.take(2 * blocks * channels);
  pool_.run(blocks, [&](std::int64_t i) {
    float* mine = partial.data() + 2 * i * channels;
    images_.channel_stats(mine, mine + channels, array_of(x), channels, {i * height, std::min(rows, (i + 1) * height)});
  });
  auto* to = stats.data<float>();
  for_range(channels, blocks, [&](Range range) {
    for (std::int64_t c = range.begin; c < range.end; ++c) {
      Merged merged;
      for (std::int64_t i = 0; i < blocks; ++i) {
        const float* block = partial.data() + 2 * i * channels;
        merged.add(static_cast<double>(std::min(height, rows - i * height)), double{block[c]},
                   double{block[channels + c]});
      }
      to[c] = static_cast<float>(merged.mean());
      to[channels + c] = static_cast<float>(merged.squares());
    }
  });
}

void CpuImages::conclude_stats(Tensor& mean, Tensor& rstd, Tensor* running_mean, Tensor* running_variance,
                               const Tensor& stats, const StatsRule& rule) {
  const std::int64_t channels = mean.numel(), parts = stats.numel() / (2 * channels);
  const auto rows = static_cast<double>(rule.rows), all = rows * static_cast<double>(parts);
  const auto* from = stats.data<float>();
  float *means = mean.data<float>(), *rstds = rstd.data<float>();
  float *running_means = floats_of(running_mean), *running_variances = floats_of(running_variance);
  for (std::int64_t c = 0; c < channels; ++c) {
    Merged merged;
    for (std::int64_t p = 0; p < parts; ++p)
      merged.add(rows, double{from[2 * p * channels + c]}, double{from[(2 * p + 1) * channels + c]});
    means[c] = static_cast<float>(merged.mean());
    rstds[c] = static_cast<float>(1 / std::sqrt(merged.squares() / all + double{rule.epsilon}));
    const auto variance = static_cast<float>(merged.squares() / (all > 1 ? all - 1 : 1));
    if (running_means) running_means[c] += rule.momentum * (means[c] - running_means[c]);
    if (running_variances) running_variances[c] += rule.momentum * (variance - running_variances[c]);
  }
}

void CpuImages::rstd_of(Tensor& rstd, const Tensor& variance, float epsilon) {
  const auto* from = variance.data<float>();
  auto* to = rstd.data<float>();
  for (std::int64_t c = 0; c < rstd.numel(); ++c) to[c] = 1.0f / std::sqrt(from[c] + epsilon);
}

void CpuImages::channel_norm(Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                             const ChannelNorm& how) {
  const AsFloats weight(how.weight, level_, scratch_), bias(how.bias, level_, scratch_);
  const std::int64_t channels = channels_of(x);
  if (x.numel() == 0) return;
  const auto* rstds = rstd.data<float>();
  const PerChannel scale(scratch_, channels,
                         [&](std::int64_t c) { return rstds[c] * (weight.data() ? weight.data()[c] : 1.0f); });
  const PerChannel shift(scratch_, channels, [&](std::int64_t c) { return bias.data() ? bias.data()[c] : 0.0f; });
  const ChannelRows rows{.y = array_of(y),
                         .x = array_of(x),
                         .residual = array_of(how.residual),
                         .dy = {},
                         .columns = channels,
                         .mean = mean.data<float>(),
                         .scale = scale.data(),
                         .shift = shift.data(),
                         .tilt = nullptr,
                         .slope = how.slope};
  for_range(x.numel() / channels, channels, [&](Range range) { images_.channel_norm(rows, range); });
}

void CpuImages::channel_norm_sums(Tensor& sums, Tensor* g, const Tensor& dy, const Tensor& x, const Tensor* y,
                                  const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) {
  const AsFloats weight(how.weight, level_, scratch_), bias(how.bias, level_, scratch_);
  const std::int64_t channels = channels_of(x);
  const auto* rstds = rstd.data<float>();
  const PerChannel scale(scratch_, channels,
                         [&](std::int64_t c) { return rstds[c] * (weight.data() ? weight.data()[c] : 1.0f); });
  const PerChannel shift(scratch_, channels, [&](std::int64_t c) { return bias.data() ? bias.data()[c] : 0.0f; });
  const ChannelRows rows{.y = array_of(y),
                         .x = array_of(x),
                         .residual = {},
                         .dy = array_of(dy),
                         .columns = channels,
                         .mean = mean.data<float>(),
                         .scale = scale.data(),
                         .shift = shift.data(),
                         .tilt = nullptr,
                         .slope = how.slope};
  auto* to = sums.data<float>();
  sum_over(channels == 0 ? 0 : x.numel() / channels, channels, 2 * channels, to, [&](float* partial, Range range) {
    images_.channel_norm_sums(rows, array_of(g), partial, partial + channels, range);
  });
  for (std::int64_t c = 0; c < channels; ++c) to[c] *= rstds[c];
}

void CpuImages::channel_norm_grad(Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                  const Tensor* sums, std::int64_t rows, const ChannelNorm& how) {
  const AsFloats weight(how.weight, level_, scratch_), bias(how.bias, level_, scratch_);
  const std::int64_t channels = channels_of(x);
  if (x.numel() == 0) return;
  const auto* rstds = rstd.data<float>();
  const float* totals = floats_of(sums);
  const float share = 1.0f / static_cast<float>(rows);
  const PerChannel scale(scratch_, channels,
                         [&](std::int64_t c) { return rstds[c] * (weight.data() ? weight.data()[c] : 1.0f); });
  const PerChannel shift(scratch_, channels, [&](std::int64_t c) {
    return totals ? scale.data()[c] * share * totals[channels + c] : 0.0f;
  });
  const PerChannel tilt(scratch_, channels,
                        [&](std::int64_t c) { return totals ? scale.data()[c] * share * rstds[c] * totals[c] : 0.0f; });
  const PerChannel offset(scratch_, channels, [&](std::int64_t c) { return bias.data() ? bias.data()[c] : 0.0f; });
  const ChannelRows matrix{.y = array_of(dx),
                           .x = array_of(x),
                           .residual = {},
                           .dy = array_of(dy),
                           .columns = channels,
                           .mean = mean.data<float>(),
                           .scale = scale.data(),
                           .shift = shift.data(),
                           .tilt = tilt.data(),
                           .slope = how.slope};
  for_range(x.numel() / channels, channels,
            [&](Range range) { images_.channel_norm_grad(matrix, offset.data(), range); });
}

void CpuImages::slope_grad(Tensor& dx, const Tensor& dy, const Tensor& y, float slope, Tensor* dbias, bool accumulate) {
  const std::int64_t channels = channels_of(y), rows = channels == 0 ? 0 : y.numel() / channels;
  const auto work = [&](float* sums, Range range) {
    images_.slope_grad(array_of(dx), array_of(dy), array_of(y), slope, channels, sums, range);
  };
  if (!dbias) return for_range(rows, channels, [&](Range range) { work(nullptr, range); });
  const Scratch::Lease total = scratch_.take(channels);
  sum_over(rows, channels, channels, total.data(), work);
  auto* to = dbias->data<float>();
  for (std::int64_t c = 0; c < channels; ++c) to[c] = total.data()[c] + (accumulate ? to[c] : 0.0f);
}

}  // namespace trireme::cpu
