// Layer norm and RMS norm, forward. The RMS norm is the layer norm without a mean.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/pack.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {
namespace {

template <class T>
struct NormForward {
  T* y;
  T* sum;  // null without a residual, as residual
  const T* x;
  const T* residual;
  float* mean;  // null for the RMS norm, as bias
  float* rstd;
  const T* weight;
  const T* bias;
  std::int64_t rows, columns;
  float epsilon;
};

// What is normalised, as it is stored.
template <int width, class T>
__device__ void load_input(float (&to)[width], const NormForward<T>& n, std::int64_t at) {
  load(to, n.x + at);
  if (!n.residual) return;
  float residual[width];
  load(residual, n.residual + at);
  for (int i = 0; i < width; ++i) to[i] = to_float(rounded<T>(to[i] + residual[i]));
  store(n.sum + at, to);
}

template <int width, class T>
__device__ void write_row_part(const NormForward<T>& n, std::int64_t row, std::int64_t column, float (&x)[width],
                               float mean, float rstd) {
  float weight[width], bias[width] = {};
  load(weight, n.weight + column);
  if (n.bias) load(bias, n.bias + column);
  for (int i = 0; i < width; ++i) x[i] = (x[i] - mean) * rstd * weight[i] + bias[i];
  store(n.y + row * n.columns + column, x);
}

__device__ float rstd_of(float squares, float share, float epsilon) {
  return 1.0f / sqrtf(squares * share + epsilon);
}

// A row in the registers of its team: up to `packs` packs in each thread.
template <class T, int warps, int packs>
__global__ void __launch_bounds__(Team<warps>::threads) norm_kept_kernel(NormForward<T> n) {
  using Rows = Team<warps>;
  constexpr int width = widest<T>;
  const float share = 1.0f / static_cast<float>(n.columns);
  for (std::int64_t row = Rows::first_row(); row < n.rows; row += Rows::row_stride()) {
    float x[packs][width];
    float total = 0;
    for (int k = 0; k < packs; ++k) {
      const int column = (Rows::rank() + k * Rows::size) * width;
      if (column < n.columns) {
        load_input(x[k], n, row * n.columns + column);
        for (int i = 0; i < width; ++i) total += x[k][i];
      }
    }
    const float mean = n.mean ? share * Rows::over(total, Add{}) : 0.0f;
    float squares = 0;
    for (int k = 0; k < packs; ++k)
      if ((Rows::rank() + k * Rows::size) * width < n.columns)
        for (int i = 0; i < width; ++i) squares += (x[k][i] - mean) * (x[k][i] - mean);
    const float rstd = rstd_of(Rows::over(squares, Add{}), share, n.epsilon);
    if (Rows::rank() == 0) {
      if (n.mean) n.mean[row] = mean;
      n.rstd[row] = rstd;
    }
    for (int k = 0; k < packs; ++k) {
      const int column = (Rows::rank() + k * Rows::size) * width;
      if (column < n.columns) write_row_part(n, row, column, x[k], mean, rstd);
    }
  }
}

// A row of any length, read anew for each step. A thread reads back only what it wrote itself.
template <class T, int width>
__global__ void __launch_bounds__(Team<8>::threads) norm_streamed_kernel(NormForward<T> n) {
  using Rows = Team<8>;
  const float share = 1.0f / static_cast<float>(n.columns);
  const T* input = n.residual ? n.sum : n.x;
  for (std::int64_t row = Rows::first_row(); row < n.rows; row += Rows::row_stride()) {
    const std::int64_t begin = row * n.columns, first = Rows::rank() * width, stride = Rows::size * width;
    float x[width], total = 0, squares = 0;
    for (std::int64_t c = first; c < n.columns; c += stride) {
      load_input(x, n, begin + c);
      for (int i = 0; i < width; ++i) total += x[i];
    }
    const float mean = n.mean ? share * Rows::over(total, Add{}) : 0.0f;
    for (std::int64_t c = first; c < n.columns; c += stride) {
      load(x, input + begin + c);
      for (int i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
    }
    const float rstd = rstd_of(Rows::over(squares, Add{}), share, n.epsilon);
    if (Rows::rank() == 0) {
      if (n.mean) n.mean[row] = mean;
      n.rstd[row] = rstd;
    }
    for (std::int64_t c = first; c < n.columns; c += stride) {
      load(x, input + begin + c);
      write_row_part(n, row, c, x, mean, rstd);
    }
  }
}

template <class T>
void norm_forward(cudaStream_t stream, int multiprocessors, const NormForward<T>& n) {
  constexpr int width = widest<T>;
  if (n.rows == 0 || n.columns == 0) return;
  const auto run = [&]<class Rows>(Rows, void (*kernel)(NormForward<T>)) {
    launch(stream, Rows::grid(n.rows, multiprocessors), kernel, n);
  };
  const bool aligned = rows_aligned(
      n.columns, width,
      {place_of(n.y), place_of(n.sum), place_of(n.x), place_of(n.residual), place_of(n.weight), place_of(n.bias)});
  if (!aligned) return run(Team<8>{}, norm_streamed_kernel<T, 1>);
  const std::int64_t packs = n.columns / width;
  if (packs <= 32) return run(Team<1>{}, norm_kept_kernel<T, 1, 1>);
  if (packs <= 64) return run(Team<1>{}, norm_kept_kernel<T, 1, 2>);
  if (packs <= 128) return run(Team<1>{}, norm_kept_kernel<T, 1, 4>);
  if (packs <= 256) return run(Team<8>{}, norm_kept_kernel<T, 8, 1>);
  if (packs <= 512) return run(Team<8>{}, norm_kept_kernel<T, 8, 2>);
  if (packs <= 1024) return run(Team<8>{}, norm_kept_kernel<T, 8, 4>);
  run(Team<8>{}, norm_streamed_kernel<T, width>);
}

}  // namespace

void CudaKernels::layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor* residual,
                             Tensor* sum, const Tensor& weight, const Tensor& bias, float epsilon) {
  visit_compute_type("layer_norm", x.dtype(), [&]<class T>(T) {
    norm_forward<T>(stream_, multiprocessors(),
                    {.y = y.data<T>(),
                     .sum = data_of<T>(sum),
                     .x = x.data<T>(),
                     .residual = data_of<T>(residual),
                     .mean = mean.data<float>(),
                     .rstd = rstd.data<float>(),
                     .weight = weight.data<T>(),
                     .bias = bias.data<T>(),
                     .rows = rows_of(x),
                     .columns = columns_of(x),
                     .epsilon = epsilon});
  });
}

void CudaKernels::rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                           const Tensor& weight, float epsilon) {
  visit_compute_type("rms_norm", x.dtype(), [&]<class T>(T) {
    norm_forward<T>(stream_, multiprocessors(),
                    {.y = y.data<T>(),
                     .sum = data_of<T>(sum),
                     .x = x.data<T>(),
                     .residual = data_of<T>(residual),
                     .mean = nullptr,
                     .rstd = rstd.data<float>(),
                     .weight = weight.data<T>(),
                     .bias = nullptr,
                     .rows = rows_of(x),
                     .columns = columns_of(x),
                     .epsilon = epsilon});
  });
}

}  // namespace trireme::cuda
