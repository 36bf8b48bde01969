// Batch norm in steps: sums over pixels column by column, then a sweep over all elements.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/column_sums.h"
#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/sloped.h"

namespace trireme::cuda {
namespace {

// Of x; or of its squared distances from the mean, which is `total` times `share`.
template <class T>
struct Moments {
  const T* x;
  const float* total;  // null: of x
  float share;
  std::int64_t columns;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[1][width]) const {
    float values[width];
    load(values, x + row * columns + column);
    for (int i = 0; i < width; ++i) {
      const float distance = total ? values[i] - total[column + i] * share : 0.0f;
      totals[0][i] += total ? distance * distance : values[i];
    }
  }
};

__global__ void __launch_bounds__(block_threads) scale_totals_kernel(float* stats, float share, std::int64_t columns) {
  for (std::int64_t c = thread_index(); c < columns; c += thread_count()) stats[c] *= share;
}

struct Conclusion {
  float* mean;
  float* rstd;
  float* running_mean;
  float* running_variance;
  const float* stats;
  std::int64_t channels, parts;
  float rows, epsilon, momentum;
};
__global__ void __launch_bounds__(block_threads) conclude_kernel(Conclusion k) {
  const float share = 1.0f / static_cast<float>(k.parts), all = k.rows * static_cast<float>(k.parts);
  for (std::int64_t c = thread_index(); c < k.channels; c += thread_count()) {
    float mean = 0, squares = 0;
    for (std::int64_t p = 0; p < k.parts; ++p) mean += share * k.stats[2 * p * k.channels + c];
    for (std::int64_t p = 0; p < k.parts; ++p) {
      const float distance = k.stats[2 * p * k.channels + c] - mean;
      squares += k.stats[(2 * p + 1) * k.channels + c] + k.rows * distance * distance;
    }
    k.mean[c] = mean;
    k.rstd[c] = 1.0f / sqrtf(squares / all + k.epsilon);
    if (k.running_mean) k.running_mean[c] += k.momentum * (mean - k.running_mean[c]);
    const float variance = squares / (all > 1 ? all - 1 : 1);
    if (k.running_variance) k.running_variance[c] += k.momentum * (variance - k.running_variance[c]);
  }
}

__global__ void __launch_bounds__(block_threads)
    rstd_kernel(float* rstd, const float* variance, float epsilon, std::int64_t channels) {
  for (std::int64_t c = thread_index(); c < channels; c += thread_count())
    rstd[c] = 1.0f / sqrtf(variance[c] + epsilon);
}

// What is known of channels; weight and bias may be null.
template <class T>
struct Channels {
  const float* mean;
  const float* rstd;
  const T* weight;
  const T* bias;

  __device__ float scale(std::int64_t c) const { return weight ? rstd[c] * to_float(weight[c]) : rstd[c]; }
  __device__ float mapped(float x, std::int64_t c) const {
    return (x - mean[c]) * scale(c) + (bias ? to_float(bias[c]) : 0.0f);
  }
};
template <class T>
Channels<T> channels_of(const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) {
  return {mean.data<float>(), rstd.data<float>(), data_of<T>(how.weight), data_of<T>(how.bias)};
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    norm_kernel(T* y, const T* x, const T* residual, Channels<T> channels, float slope, std::int64_t columns, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float values[n], added[n] = {};
    load(values, x + at);
    if (residual) load(added, residual + at);
    const std::int64_t column = at % columns;  // a pack lies in one row
    for (int i = 0; i < n; ++i) {
      const float value = channels.mapped(values[i], column + i) + added[i];
      values[i] = slope == 1.0f ? value : formulas::sloped(value, slope);
    }
    store(y + at, values);
  });
}

template <class T>
struct GradientSums {
  T* g;
  const T* dy;
  const T* x;
  const T* y;
  Channels<T> channels;
  float slope;
  std::int64_t columns;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[2][width]) const {
    const std::int64_t at = row * columns + column;
    float gradient[width], values[width], sign[width];
    load(gradient, dy + at);
    load(values, x + at);
    if (y) load(sign, y + at);
    for (int i = 0; i < width; ++i) {
      const std::int64_t c = column + i;
      if (slope != 1.0f) gradient[i] *= formulas::let_through(y ? sign[i] : channels.mapped(values[i], c), slope);
      totals[0][i] += gradient[i] * ((values[i] - channels.mean[c]) * channels.rstd[c]);
      totals[1][i] += gradient[i];
    }
    if (g) store(g + at, gradient);
  }
};

template <class T>
struct GradientCall {
  T* dx;
  const T* dy;
  const T* x;
  Channels<T> channels;
  const float* sums;  // may be null
  float share, slope;
  std::int64_t columns;
};
template <class T>
__global__ void __launch_bounds__(block_threads) norm_grad_kernel(GradientCall<T> k, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float gradient[n], values[n];
    load(gradient, k.dy + at);
    load(values, k.x + at);
    const std::int64_t column = at % k.columns;
    for (int i = 0; i < n; ++i) {
      const std::int64_t c = column + i;
      if (k.slope != 1.0f) gradient[i] *= formulas::let_through(k.channels.mapped(values[i], c), k.slope);
      const float normalised = (values[i] - k.channels.mean[c]) * k.channels.rstd[c];
      const float common = k.sums ? k.share * (k.sums[k.columns + c] + normalised * k.sums[c]) : 0.0f;
      gradient[i] = k.channels.scale(c) * (gradient[i] - common);
    }
    store(k.dx + at, gradient);
  });
}

// Packs only where none reaches into another row.
Sweep row_sweep(std::int64_t count, std::int64_t columns, std::int64_t width, std::initializer_list<Place> places) {
  const Sweep s = sweep_of(count, width, places);
  return columns % width != 0 || s.head != 0 ? Sweep{count, 0, 0} : s;
}

}  // namespace

void CudaImages::channel_stats(Tensor& stats, const Tensor& x) {
  const std::int64_t columns = stats.size(1);
  if (columns == 0) return;
  const std::int64_t rows = x.numel() / columns;
  auto* to = stats.data<float>();
  const float share = 1.0f / static_cast<float>(rows);
  visit_compute_type("channel_stats", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const Matrix matrix{rows, columns, rows_aligned(columns, width, {place_of(x.data<T>())})};
    Moments<T> moments{x.data<T>(), nullptr, share, columns};
    sum_columns<width, 1>(device_, moments, matrix, to, nullptr, false);
    moments.total = to;
    sum_columns<width, 1>(device_, moments, matrix, to + columns, nullptr, false);
  });
  launch(stream_, grid_for(columns, multiprocessors()), scale_totals_kernel, to, share, columns);
}

void CudaImages::conclude_stats(Tensor& mean, Tensor& rstd, Tensor* running_mean, Tensor* running_variance,
                                const Tensor& stats, const StatsRule& rule) {
  const std::int64_t channels = mean.numel();
  if (channels == 0) return;
  launch(stream_, grid_for(channels, multiprocessors()), conclude_kernel,
         {.mean = mean.data<float>(),
          .rstd = rstd.data<float>(),
          .running_mean = floats_of(running_mean),
          .running_variance = floats_of(running_variance),
          .stats = stats.data<float>(),
          .channels = channels,
          .parts = stats.numel() / (2 * channels),
          .rows = static_cast<float>(rule.rows),
          .epsilon = rule.epsilon,
          .momentum = rule.momentum});
}

void CudaImages::rstd_of(Tensor& rstd, const Tensor& variance, float epsilon) {
  if (rstd.numel() == 0) return;
  launch(stream_, grid_for(rstd.numel(), multiprocessors()), rstd_kernel, rstd.data<float>(), variance.data<float>(),
         epsilon, rstd.numel());
}

void CudaImages::channel_norm(Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                              const ChannelNorm& how) {
  if (x.numel() == 0) return;
  visit_compute_type("channel_norm", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const std::int64_t columns = x.size(-1);
    const Sweep s = row_sweep(x.numel(), columns, width,
                              {place_of(y.data<T>()), place_of(x.data<T>()), place_of(data_of<T>(how.residual))});
    launch(stream_, grid_for(s, width, multiprocessors()), norm_kernel<T>, y.data<T>(), x.data<T>(),
           data_of<T>(how.residual), channels_of<T>(mean, rstd, how), how.slope, columns, s);
  });
}

void CudaImages::channel_norm_sums(Tensor& sums, Tensor* g, const Tensor& dy, const Tensor& x, const Tensor* y,
                                   const Tensor& mean, const Tensor& rstd, const ChannelNorm& how) {
  const std::int64_t columns = x.size(-1);
  if (columns == 0) return;
  visit_compute_type("channel_norm_sums", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const GradientSums<T> op{.g = data_of<T>(g),
                             .dy = dy.data<T>(),
                             .x = x.data<T>(),
                             .y = data_of<T>(y),
                             .channels = channels_of<T>(mean, rstd, how),
                             .slope = how.slope,
                             .columns = columns};
    const bool aligned =
        rows_aligned(columns, width, {place_of(op.g), place_of(op.dy), place_of(op.x), place_of(op.y)});
    auto* to = sums.data<float>();
    sum_columns<width, 2>(device_, op, {x.numel() / columns, columns, aligned}, to, to + columns, false);
  });
}

void CudaImages::channel_norm_grad(Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& mean,
                                   const Tensor& rstd, const Tensor* sums, std::int64_t rows, const ChannelNorm& how) {
  if (x.numel() == 0) return;
  visit_compute_type("channel_norm_grad", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const std::int64_t columns = x.size(-1);
    const GradientCall<T> call{.dx = dx.data<T>(),
                               .dy = dy.data<T>(),
                               .x = x.data<T>(),
                               .channels = channels_of<T>(mean, rstd, how),
                               .sums = floats_of(sums),
                               .share = 1.0f / static_cast<float>(rows),
                               .slope = how.slope,
                               .columns = columns};
    const Sweep s = row_sweep(x.numel(), columns, width, {place_of(call.dx), place_of(call.dy), place_of(call.x)});
    launch(stream_, grid_for(s, width, multiprocessors()), norm_grad_kernel<T>, call, s);
  });
}

}  // namespace trireme::cuda
