#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/arithmetic.h"

namespace trireme::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(block_threads) fill_kernel(T* y, float value, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float values[n];
    for (int i = 0; i < n; ++i) values[i] = value;
    store(y + at, values);
  });
}

template <class To, class From>
__global__ void __launch_bounds__(block_threads) cast_kernel(To* y, const From* x, Sweep s) {
  sweep<widest<To, From>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float values[n];
    load(values, x + at);
    store(y + at, values);
  });
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    scale_kernel(T* y, const T* x, float factor, const float* device_factor, Sweep s) {
  if (device_factor) factor *= *device_factor;
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float values[n];
    load(values, x + at);
    for (int i = 0; i < n; ++i) values[i] *= factor;
    store(y + at, values);
  });
}

template <class To, class From>
__global__ void __launch_bounds__(block_threads)
    axpy_kernel(To* y, const From* x, float factor, const float* device_factor, Sweep s) {
  if (device_factor) factor *= *device_factor;
  sweep<widest<To, From>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float values[n], addends[n];
    load(values, y + at);
    load(addends, x + at);
    for (int i = 0; i < n; ++i) values[i] += factor * addends[i];
    store(y + at, values);
  });
}

// at mod period; almost always of 32 bits, which take a fraction of the time.
__device__ std::int64_t place_in(std::int64_t period, std::int64_t at) {
  if (at <= 0xffffffff && period <= 0xffffffff)
    return static_cast<std::uint32_t>(at) % static_cast<std::uint32_t>(period);
  return at % period;
}

// b is repeated every `period` elements.
template <class T, Binary op>
__global__ void __launch_bounds__(block_threads)
    binary_kernel(T* y, const T* a, const T* b, std::int64_t period, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float left[n], right[n];
    load(left, a + at);
    load(right, b + (period == s.count ? at : place_in(period, at)));
    for (int i = 0; i < n; ++i) left[i] = formulas::combined<op>(left[i], right[i]);
    store(y + at, left);
  });
}

}  // namespace

void CudaKernels::fill(Tensor& y, float value) {
  if (y.numel() == 0) return;
  visit_compute_type("fill", y.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const Sweep s = sweep_of(y.numel(), width, {place_of(y.data<T>())});
    launch(stream_, grid_for(s, width, multiprocessors()), fill_kernel<T>, y.data<T>(), value, s);
  });
}

void CudaKernels::cast(Tensor& y, const Tensor& x) {
  if (x.numel() == 0) return;
  if (y.dtype() == x.dtype()) {
    if (y.raw() == x.raw()) return;
    const auto bytes = static_cast<std::size_t>(x.bytes());
    check(cudaMemcpyAsync(y.raw(), x.raw(), bytes, cudaMemcpyDeviceToDevice, stream_), "cudaMemcpyAsync");
    return;
  }
  visit_compute_type("cast", y.dtype(), [&]<class To>(To) {
    visit_compute_type("cast", x.dtype(), [&]<class From>(From) {
      if constexpr (!std::is_same_v<To, From>) {
        constexpr int width = widest<To, From>;
        const Sweep s = sweep_of(x.numel(), width, {place_of(y.data<To>()), place_of(x.data<From>())});
        launch(stream_, grid_for(s, width, multiprocessors()), cast_kernel<To, From>, y.data<To>(), x.data<From>(), s);
      }
    });
  });
}

void CudaKernels::scale(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) {
  if (x.numel() == 0) return;
  visit_compute_type("scale", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const Sweep s = sweep_of(x.numel(), width, {place_of(y.data<T>()), place_of(x.data<T>())});
    launch(stream_, grid_for(s, width, multiprocessors()), scale_kernel<T>, y.data<T>(), x.data<T>(), factor,
           floats_of(device_factor), s);
  });
}

void CudaKernels::axpy(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) {
  if (x.numel() == 0) return;
  visit_compute_type("axpy", y.dtype(), [&]<class To>(To) {
    visit_compute_type("axpy", x.dtype(), [&]<class From>(From) {
      constexpr int width = widest<To, From>;
      const Sweep s = sweep_of(x.numel(), width, {place_of(y.data<To>()), place_of(x.data<From>())});
      launch(stream_, grid_for(s, width, multiprocessors()), axpy_kernel<To, From>, y.data<To>(), x.data<From>(),
             factor, floats_of(device_factor), s);
    });
  });
}

void CudaKernels::binary(Tensor& y, const Tensor& a, const Tensor& b, Binary op) {
  const std::int64_t count = a.numel(), period = b.numel();
  if (count == 0) return;
  visit_compute_type("binary", a.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    Sweep s = sweep_of(count, width, {place_of(y.data<T>()), place_of(a.data<T>()), place_of(b.data<T>())});
    // A pack must not reach over the end of b.
    if (period != count && (period % width != 0 || s.head != 0)) s = {count, 0, 0};
    formulas::with_binary(op, [&]<class C>(C) {
      launch(stream_, grid_for(s, width, multiprocessors()), binary_kernel<T, C::value>, y.data<T>(), a.data<T>(),
             b.data<T>(), period, s);
    });
  });
}

}  // namespace trireme::cuda
