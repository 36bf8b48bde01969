// Group norm with the loops of batch norm: each image is a batch, and its channels' statistics become those of groups.
#include <cmath>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"

namespace trireme::cpu {
namespace {

struct Sizes {
  std::int64_t images, pixels, channels, groups;

  Sizes(const Tensor& x, std::int64_t count)
      : images(x.size(0)), pixels(x.size(1) * x.size(2)), channels(x.size(3)), groups(count) {}
  std::int64_t of(std::int64_t channel) const { return channel * groups / channels; }
  std::int64_t in_group() const { return channels / groups; }
};

}  // namespace

void CpuImages::group_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const GroupNorm& how) {
  const AsFloats weight(how.weight, level_, scratch_), bias(how.bias, level_, scratch_);
  const Sizes sizes(x, how.groups);
  float *means = mean.data<float>(), *rstds = rstd.data<float>();
  pool_.run(sizes.images, [&](std::int64_t n) {
    const std::int64_t channels = sizes.channels;
    const Scratch::Lease lease = scratch_.take(4 * channels);
    float *centre = lease.data(), *squares = centre + channels, *scale = squares + channels, *shift = scale + channels;
    const Range rows{n * sizes.pixels, (n + 1) * sizes.pixels};
    images_.channel_stats(centre, squares, array_of(x), channels, rows);
    for (std::int64_t g = 0; g < sizes.groups; ++g) {
      const std::int64_t first = g * sizes.in_group(), last = first + sizes.in_group();
      double sum = 0, spread = 0;
      for (std::int64_t c = first; c < last; ++c) sum += double{centre[c]};
      const double middle = sum / static_cast<double>(sizes.in_group());
      for (std::int64_t c = first; c < last; ++c) {
        const double distance = double{centre[c]} - middle;
        spread += double{squares[c]} + static_cast<double>(sizes.pixels) * distance * distance;
      }
      const double variance = spread / static_cast<double>(sizes.in_group() * sizes.pixels);
      means[n * sizes.groups + g] = static_cast<float>(middle);
      rstds[n * sizes.groups + g] = static_cast<float>(1 / std::sqrt(variance + double{how.epsilon}));
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      centre[c] = means[n * sizes.groups + sizes.of(c)];
      scale[c] = rstds[n * sizes.groups + sizes.of(c)] * (weight.data() ? weight.data()[c] : 1.0f);
      shift[c] = bias.data() ? bias.data()[c] : 0.0f;
    }
    images_.channel_norm({.y = array_of(y),
                          .x = array_of(x),
                          .residual = {},
                          .dy = {},
                          .columns = channels,
                          .mean = centre,
                          .scale = scale,
                          .shift = shift,
                          .tilt = nullptr,
                          .slope = 1.0f},
                         rows);
  });
}

void CpuImages::group_norm_grad(Tensor& dx, Tensor* dweight, Tensor* dbias, const Tensor& dy, const Tensor& x,
                                const Tensor& mean, const Tensor& rstd, const GroupNorm& how, bool accumulate) {
  const AsFloats weight(how.weight, level_, scratch_);
  const Sizes sizes(x, how.groups);
  const std::int64_t channels = sizes.channels;
  const float *means = mean.data<float>(), *rstds = rstd.data<float>();
  // Of every image and channel: the sums of dy n and of dy, n normalised.
  const Scratch::Lease all = scratch_.take(2 * sizes.images * channels);
  pool_.run(sizes.images, [&](std::int64_t n) {
    const Scratch::Lease lease = scratch_.take(4 * channels);
    float *centre = lease.data(), *scale = centre + channels, *shift = scale + channels, *tilt = shift + channels;
    float *products = all.data() + 2 * n * channels, *sums = products + channels;
    const Range rows{n * sizes.pixels, (n + 1) * sizes.pixels};
    for (std::int64_t c = 0; c < channels; ++c) {
      centre[c] = means[n * sizes.groups + sizes.of(c)];
      scale[c] = rstds[n * sizes.groups + sizes.of(c)] * (weight.data() ? weight.data()[c] : 1.0f);
      products[c] = sums[c] = shift[c] = 0;
    }
    const ChannelRows matrix{.y = array_of(dx),
                             .x = array_of(x),
                             .residual = {},
                             .dy = array_of(dy),
                             .columns = channels,
                             .mean = centre,
                             .scale = scale,
                             .shift = shift,
                             .tilt = tilt,
                             .slope = 1.0f};
    ChannelRows summed = matrix;
    summed.y = {};
    images_.channel_norm_sums(summed, {}, products, sums, rows);
    const float share = 1.0f / static_cast<float>(sizes.in_group() * sizes.pixels);
    for (std::int64_t g = 0; g < sizes.groups; ++g) {
      const float group_rstd = rstds[n * sizes.groups + g];
      const std::int64_t first = g * sizes.in_group(), last = first + sizes.in_group();
      float offset = 0, slant = 0;  // of dy weight, and of dy weight (x - mean)
      for (std::int64_t c = first; c < last; ++c) {
        const float factor = weight.data() ? weight.data()[c] : 1.0f;
        offset += factor * sums[c];
        slant += factor * products[c];
        products[c] *= group_rstd;
      }
      for (std::int64_t c = first; c < last; ++c) {
        shift[c] = group_rstd * share * offset;
        tilt[c] = group_rstd * group_rstd * group_rstd * share * slant;
      }
    }
    images_.channel_norm_grad(matrix, centre, rows);
  });
  const auto gather = [&](Tensor* to, std::int64_t first) {
    if (!to) return;
    for (std::int64_t c = 0; c < channels; ++c) {
      float sum = accumulate ? to->data<float>()[c] : 0.0f;
      for (std::int64_t n = 0; n < sizes.images; ++n) sum += all.data()[2 * n * channels + first + c];
      to->data<float>()[c] = sum;
    }
  };
  gather(dweight, 0);
  gather(dbias, channels);
}

}  // namespace trireme::cpu
