#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/activations.h"

namespace trireme::cuda {
namespace {

template <class T, Activation activation>
__global__ void __launch_bounds__(block_threads) activate_kernel(T* y, const T* x, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float values[n];
    load(values, x + at);
    for (int i = 0; i < n; ++i) values[i] = formulas::activated<activation>(values[i]);
    store(y + at, values);
  });
}

template <class T, Activation activation>
__global__ void __launch_bounds__(block_threads) activate_grad_kernel(T* dx, const T* dy, const T* x, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float gradient[n], values[n];
    load(gradient, dy + at);
    load(values, x + at);
    for (int i = 0; i < n; ++i) gradient[i] *= formulas::slope<activation>(values[i]);
    store(dx + at, gradient);
  });
}

}  // namespace

void CudaKernels::activate(Tensor& y, const Tensor& x, Activation activation) {
  if (x.numel() == 0) return;
  visit_compute_type("activate", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const Sweep s = sweep_of(x.numel(), width, {place_of(y.data<T>()), place_of(x.data<T>())});
    formulas::with_activation(activation, [&]<class C>(C) {
      launch(stream_, grid_for(s, width, multiprocessors()), activate_kernel<T, C::value>, y.data<T>(), x.data<T>(), s);
    });
  });
}

void CudaKernels::activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation, Tensor* dbias,
                                bool accumulate) {
  if (dbias) return activate_grad_sums(dx, dy, x, activation, *dbias, accumulate);
  if (x.numel() == 0) return;
  visit_compute_type("activate_grad", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const Sweep s = sweep_of(x.numel(), width, {place_of(dx.data<T>()), place_of(dy.data<T>()), place_of(x.data<T>())});
    formulas::with_activation(activation, [&]<class C>(C) {
      launch(stream_, grid_for(s, width, multiprocessors()), activate_grad_kernel<T, C::value>, dx.data<T>(),
             dy.data<T>(), x.data<T>(), s);
    });
  });
}

}  // namespace trireme::cuda
