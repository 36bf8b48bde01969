// Seam 2, the kernels of images: what convolutional networks need beyond kernels.h, whose rules hold here too.
//
// Images lie with their channels innermost: (N, H, W, C). Legend: N images, H W height and width of inputs, P Q of
// outputs, C channels, K filters, R S height and width of a filter, G groups.
#pragma once

#include <cstdint>

#include "runtime/tensor/tensor.h"

namespace trireme {

// A window that moves along one side of an image: which places it covers, and where it stands.
struct Side {
  std::int64_t filter = 1, stride = 1, dilation = 1;
  std::int64_t before = 0, after = 0;  // padding

  std::int64_t reach() const { return dilation * (filter - 1) + 1; }
  std::int64_t out(std::int64_t in) const { return (in + before + after - reach()) / stride + 1; }
  friend bool operator==(const Side&, const Side&) = default;
};
struct Window {
  Side height, width;

  std::int64_t places() const { return height.filter * width.filter; }
  friend bool operator==(const Window&, const Window&) = default;
};

struct Convolution {
  Window window;  // padded with zeros
  std::int64_t groups = 1;
  const Tensor* bias = nullptr;  // of the output's channels
  float slope = 1.0f;            // of the result below zero: 0 is a ReLU, 1 leaves it as it is
};

// What channel_norm does besides: y = sloped((x - mean) rstd weight + bias + residual).
struct ChannelNorm {
  const Tensor* weight = nullptr;  // (C); null: ones
  const Tensor* bias = nullptr;    // (C); null: zeros
  const Tensor* residual = nullptr;
  float slope = 1.0f;  // of the result below zero
};

// How statistics of parts become those that images are normalised with.
struct StatsRule {
  std::int64_t rows = 0;  // of each part
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // of the running statistics: the share of the new ones
};

struct GroupNorm {
  std::int64_t groups = 1;
  const Tensor* weight = nullptr;  // (C); null: ones
  const Tensor* bias = nullptr;    // (C); null: zeros
  float epsilon = 1e-5f;
};

// Pixels are areas, and those at the edges are repeated: as PyTorch does without aligned corners.
enum class Resampling : std::uint8_t { nearest, bilinear };

class ImageKernels {
 public:
  virtual ~ImageKernels() = default;

  // --- convolution: x (N, H, W, C), weight (K, R, S, C / G), y (N, P, Q, K) ---
  virtual void convolution(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) = 0;
  // dx from dy: the gradient, and, with how.bias (C) and how.slope of its result, the transposed convolution.
  virtual void convolution_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) = 0;
  // dweight (f32) from dy and x.
  virtual void convolution_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how,
                                  bool accumulate) = 0;
  // dx = dy where y > 0, slope dy elsewhere. dbias (f32, C), when not null, receives the sums of dx over all pixels.
  virtual void slope_grad(Tensor& dx, const Tensor& dy, const Tensor& y, float slope, Tensor* dbias,
                          bool accumulate) = 0;  // dx may alias dy

  // --- pooling: x (N, H, W, C), y (N, P, Q, C) ---
  // `where` (N, P, Q, C) u8 receives the place in the window, r S + s, of the first largest; padding never is, and NaN
  // is larger than all. Windows have at most 256 places, and each covers a pixel.
  virtual void max_pool(Tensor& y, Tensor& where, const Tensor& x, const Window& window) = 0;
  virtual void max_pool_grad(Tensor& dx, const Tensor& dy, const Tensor& where, const Window& window) = 0;
  // Sums over the window divided by its places, those over padding included.
  virtual void average_pool(Tensor& y, const Tensor& x, const Window& window) = 0;
  virtual void average_pool_grad(Tensor& dx, const Tensor& dy, const Window& window) = 0;
  // Output p is the average of inputs floor(p H / P) ... ceil((p + 1) H / P) - 1, and so across.
  virtual void adaptive_average_pool(Tensor& y, const Tensor& x) = 0;
  virtual void adaptive_average_pool_grad(Tensor& dx, const Tensor& dy) = 0;

  // --- batch norm (Ioffe & Szegedy 2015), in steps, so that several processes can share a batch ---
  // stats (2, C) f32 of the rows of x (..., C): the mean, and the sum of squared distances from it.
  virtual void channel_stats(Tensor& stats, const Tensor& x) = 0;
  // mean and rstd (C) f32 of all rows, from stats (parts, 2, C) of parts with equally many rows. Running statistics (C)
  // f32, when not null, move towards the mean and the unbiased variance.
  virtual void conclude_stats(Tensor& mean, Tensor& rstd, Tensor* running_mean, Tensor* running_variance,
                              const Tensor& stats, const StatsRule& rule) = 0;
  // rstd (f32) = 1 / sqrt(variance + epsilon).
  virtual void rstd_of(Tensor& rstd, const Tensor& variance, float epsilon) = 0;
  virtual void channel_norm(Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                            const ChannelNorm& how) = 0;  // y may alias x or the residual
  // With n = (x - mean) rstd and g = dy where y > 0, slope dy elsewhere: sums (2, C) f32 receives the sums over rows of
  // g n and of g, the gradients of weight and bias; g, when not null, what is summed. Without a residual y is null, and
  // found anew from x. g may alias dy.
  virtual void channel_norm_sums(Tensor& sums, Tensor* g, const Tensor& dy, const Tensor& x, const Tensor* y,
                                 const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) = 0;
  // dx = weight rstd (g - (sums[1] + n sums[0]) / rows), sums and rows those of all parts; sums null: mean and rstd do
  // not depend on x. There is no residual here: with one, dy is the g of channel_norm_sums() and the slope 1. dx may
  // alias dy.
  virtual void channel_norm_grad(Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                 const Tensor* sums, std::int64_t rows, const ChannelNorm& how) = 0;

  // --- group norm (Wu & He 2018); with as many groups as channels, instance norm (Ulyanov et al. 2016) ---
  // mean, rstd (N, G) f32.
  virtual void group_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const GroupNorm& how) = 0;
  // dweight, dbias (C) f32 or both null.
  virtual void group_norm_grad(Tensor& dx, Tensor* dweight, Tensor* dbias, const Tensor& dy, const Tensor& x,
                               const Tensor& mean, const Tensor& rstd, const GroupNorm& how, bool accumulate) = 0;

  // --- sizes and channels ---
  virtual void resample(Tensor& y, const Tensor& x, Resampling how) = 0;
  virtual void resample_grad(Tensor& dx, const Tensor& dy, Resampling how) = 0;
  // Channels y_first ... y_first + count - 1 of y = channels x_first ... of x; the others of y stay.
  virtual void copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                             std::int64_t count) = 0;
};

}  // namespace trireme
