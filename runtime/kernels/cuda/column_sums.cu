#include "runtime/kernels/cuda/column_sums.h"

#include "runtime/kernels/formulas/activations.h"

namespace trireme::cuda {
namespace {

__global__ void __launch_bounds__(sum_warps* warp_threads) add_parts_kernel(ColumnTotals t) {
  __shared__ float of_warp[sum_warps][warp_threads];
  const int lane = threadIdx.x % warp_threads, warp = threadIdx.x / warp_threads;
  const std::int64_t all = t.y1 ? 2 * t.columns : t.columns;
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * warp_threads + lane;
  const std::int64_t share = (t.parts + sum_warps - 1) / sum_warps;
  const std::int64_t end = t.parts < (warp + 1) * share ? t.parts : (warp + 1) * share;
  float sum = 0;
  if (at < all)
    for (std::int64_t part = warp * share; part < end; ++part) sum += t.partial[part * t.stride + at];
  of_warp[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || at >= all) return;
  float* y = at < t.columns ? t.y0 + at : t.y1 + (at - t.columns);
  float total = t.accumulate ? *y : 0.0f;
  for (int w = 0; w < sum_warps; ++w) total += of_warp[w][lane];
  *y = total;
}

template <class T>
struct AddColumns {
  const T* x;
  std::int64_t columns;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[1][width]) const {
    float values[width];
    load(values, x + row * columns + column);
    for (int i = 0; i < width; ++i) totals[0][i] += values[i];
  }
};

// Writes dx on the way.
template <class T, Activation activation>
struct ActivationGradient {
  T* dx;
  const T* dy;
  const T* x;
  std::int64_t columns;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[1][width]) const {
    const std::int64_t at = row * columns + column;
    float gradient[width], values[width];
    load(gradient, dy + at);
    load(values, x + at);
    for (int i = 0; i < width; ++i) {
      gradient[i] *= formulas::slope<activation>(values[i]);
      totals[0][i] += gradient[i];
    }
    store(dx + at, gradient);
  }
};

}  // namespace

void add_parts(cudaStream_t stream, const ColumnTotals& totals) {
  const std::int64_t all = totals.y1 ? 2 * totals.columns : totals.columns;
  launch(stream, {(all + warp_threads - 1) / warp_threads, sum_warps * warp_threads}, add_parts_kernel, totals);
}

void CudaKernels::column_sum(Tensor& y, const Tensor& x, bool accumulate) {
  const std::int64_t columns = y.numel();
  if (columns == 0) return;
  visit_compute_type("column_sum", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const Matrix matrix{x.numel() / columns, columns, rows_aligned(columns, width, {place_of(x.data<T>())})};
    sum_columns<width, 1>(device_, AddColumns<T>{x.data<T>(), columns}, matrix, y.data<float>(), nullptr, accumulate);
  });
}

void CudaKernels::activate_grad_sums(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation,
                                     Tensor& dbias, bool accumulate) {
  const std::int64_t columns = dbias.numel();
  if (columns == 0) return;
  visit_compute_type("activate_grad", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const bool aligned =
        rows_aligned(columns, width, {place_of(dx.data<T>()), place_of(dy.data<T>()), place_of(x.data<T>())});
    formulas::with_activation(activation, [&]<class C>(C) {
      const ActivationGradient<T, C::value> op{dx.data<T>(), dy.data<T>(), x.data<T>(), columns};
      const Matrix matrix{x.numel() / columns, columns, aligned};
      sum_columns<width, 1>(device_, op, matrix, dbias.data<float>(), nullptr, accumulate);
    });
  });
}

}  // namespace trireme::cuda
