#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/totals.h"

namespace trireme::cuda {
namespace {

template <class Out>
__global__ void __launch_bounds__(block_threads) finish_total_kernel(Out* y, const double* partial, int parts) {
  double total = 0;
  for (int i = static_cast<int>(threadIdx.x); i < parts; i += block_threads) total += partial[i];
  total = over_block<block_threads / warp_threads>(total, Add{});
  if (threadIdx.x == 0) *y = static_cast<Out>(total);
}

template <class T, bool squared>
struct AddElements {
  const T* x;

  template <int n>
  __device__ double at(std::int64_t first) const {
    float values[n];
    load(values, x + first);
    double total = 0;
    for (int i = 0; i < n; ++i) {
      const double value = values[i];
      total += squared ? value * value : value;
    }
    return total;
  }
};

template <class T>
__global__ void __launch_bounds__(Team<8>::threads)
    argmax_kernel(std::int32_t* y, const T* x, std::int64_t rows, std::int32_t columns) {
  for (std::int64_t row = Team<8>::first_row(); row < rows; row += Team<8>::row_stride()) {
    Found best{-HUGE_VALF, columns};
    for (std::int32_t c = Team<8>::rank(); c < columns; c += Team<8>::size) {
      const float value = to_float(x[row * columns + c]);
      if (value > best.value || (value == best.value && c < best.index)) best = {value, c};
    }
    best = Team<8>::over(best, First{});
    if (Team<8>::rank() == 0) y[row] = best.index < columns ? best.index : 0;
  }
}

}  // namespace

void finish_total(cudaStream_t stream, float* y, const double* partial, int parts) {
  launch(stream, {1, block_threads}, finish_total_kernel<float>, y, partial, parts);
}
void finish_total(cudaStream_t stream, double* y, const double* partial, int parts) {
  launch(stream, {1, block_threads}, finish_total_kernel<double>, y, partial, parts);
}

void CudaKernels::sum(Tensor& y, const Tensor& x) {
  visit_compute_type("sum", x.dtype(), [&]<class T>(T) {
    const Sweep s = sweep_of(x.numel(), widest<T>, {place_of(x.data<T>())});
    sum_over<widest<T>>(device_, AddElements<T, false>{x.data<T>()}, s, y.data<float>());
  });
}

void CudaKernels::sum_squares(Tensor& y, const Tensor& x) {
  visit_compute_type("sum_squares", x.dtype(), [&]<class T>(T) {
    const Sweep s = sweep_of(x.numel(), widest<T>, {place_of(x.data<T>())});
    sum_over<widest<T>>(device_, AddElements<T, true>{x.data<T>()}, s, y.data<double>());
  });
}

void CudaKernels::argmax(Tensor& y, const Tensor& x) {
  const std::int64_t rows = y.numel();
  if (rows == 0 || x.numel() == 0) return;
  visit_compute_type("argmax", x.dtype(), [&]<class T>(T) {
    launch(stream_, Team<8>::grid(rows, multiprocessors()), argmax_kernel<T>, y.data<std::int32_t>(), x.data<T>(), rows,
           static_cast<std::int32_t>(x.numel() / rows));
  });
}

}  // namespace trireme::cuda
