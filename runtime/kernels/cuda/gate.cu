#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/activations.h"

namespace trireme::cuda {
namespace {

// body(row, column) for every `width` columns of every row.
template <int width, class Body>
__device__ void over_rows(std::int64_t rows, std::int64_t columns, Body&& body) {
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * width;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.y) * blockDim.x * width;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
    for (std::int64_t column = first; column < columns; column += stride) body(row, column);
}

Grid grid_of(std::int64_t rows, std::int64_t columns, std::int64_t width, int multiprocessors) {
  const std::int64_t across = (columns + width * block_threads - 1) / (width * block_threads);
  return {std::min<std::int64_t>(rows, std::int64_t{multiprocessors} * 8), block_threads,
          std::min<std::int64_t>(across, 1024)};
}

// The activation is chosen inside the kernels: next to their reading and writing that costs nothing, and there are few
// of them to build.
template <class T, int n>
__global__ void __launch_bounds__(block_threads)
    gate_kernel(T* y, const T* x, Activation activation, std::int64_t rows, std::int64_t columns) {
  over_rows<n>(rows, columns, [=](std::int64_t row, std::int64_t column) {
    float a[n], b[n];
    load(a, x + row * 2 * columns + column);
    load(b, x + (row * 2 + 1) * columns + column);
    formulas::with_activation(activation, [&]<class C>(C) {
      for (int i = 0; i < n; ++i) a[i] = formulas::activated<C::value>(a[i]) * b[i];
    });
    store(y + row * columns + column, a);
  });
}

template <class T, int n>
__global__ void __launch_bounds__(block_threads)
    gate_grad_kernel(T* dx, const T* dy, const T* x, Activation activation, std::int64_t rows, std::int64_t columns) {
  over_rows<n>(rows, columns, [=](std::int64_t row, std::int64_t column) {
    float gradient[n], a[n], b[n];
    load(gradient, dy + row * columns + column);
    load(a, x + row * 2 * columns + column);
    load(b, x + (row * 2 + 1) * columns + column);
    formulas::with_activation(activation, [&]<class C>(C) {
      for (int i = 0; i < n; ++i) {
        const float db = gradient[i] * formulas::activated<C::value>(a[i]);
        a[i] = gradient[i] * b[i] * formulas::slope<C::value>(a[i]);
        b[i] = db;
      }
    });
    store(dx + row * 2 * columns + column, a);
    store(dx + (row * 2 + 1) * columns + column, b);
  });
}

}  // namespace

void CudaKernels::gate(Tensor& y, const Tensor& x, Activation activation) {
  const std::int64_t rows = rows_of(y), columns = columns_of(y);
  if (y.numel() == 0) return;
  visit_compute_type("gate", x.dtype(), [&]<class T>(T) {
    const auto start = [&]<int n>(Width<n>) {
      launch(stream_, grid_of(rows, columns, n, multiprocessors()), gate_kernel<T, n>, y.data<T>(), x.data<T>(),
             activation, rows, columns);
    };
    if (rows_aligned(columns, widest<T>, {place_of(y.data<T>()), place_of(x.data<T>())}))
      start(Width<widest<T>>{});
    else
      start(Width<1>{});
  });
}

void CudaKernels::gate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation) {
  const std::int64_t rows = rows_of(dy), columns = columns_of(dy);
  if (dy.numel() == 0) return;
  visit_compute_type("gate_grad", x.dtype(), [&]<class T>(T) {
    const auto start = [&]<int n>(Width<n>) {
      launch(stream_, grid_of(rows, columns, n, multiprocessors()), gate_grad_kernel<T, n>, dx.data<T>(), dy.data<T>(),
             x.data<T>(), activation, rows, columns);
    };
    if (rows_aligned(columns, widest<T>, {place_of(dx.data<T>()), place_of(dy.data<T>()), place_of(x.data<T>())}))
      start(Width<widest<T>>{});
    else
      start(Width<1>{});
  });
}

}  // namespace trireme::cuda
