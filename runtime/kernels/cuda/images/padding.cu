#include "runtime/kernels/cuda/images/padding.h"

#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/sloped.h"

namespace trireme::cuda {
namespace {

// Of numbers as bits: those of zero are none.
template <class T>
__global__ void __launch_bounds__(block_threads)
    pad_kernel(T* to, const T* from, std::int64_t rows, std::int64_t channels, std::int64_t wide) {
  for (std::int64_t i = thread_index(); i < rows * wide; i += thread_count()) {
    const std::int64_t c = i % wide;
    to[i] = c < channels ? from[i / wide * channels + c] : T{};
  }
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    finish_kernel(T* y, const float* from, const T* bias, float slope, std::int64_t count, std::int64_t channels,
                  std::int64_t wide) {
  for (std::int64_t i = thread_index(); i < count; i += thread_count()) {
    const std::int64_t c = i % channels;
    float value = from[i / channels * wide + c];
    if (bias) value += to_float(bias[c]);
    y[i] = rounded<T>(slope == 1.0f ? value : formulas::sloped(value, slope));
  }
}

__global__ void __launch_bounds__(block_threads)
    gradient_kernel(float* dweight, const float* from, std::int64_t count, std::int64_t channels, std::int64_t wide,
                    bool accumulate) {
  for (std::int64_t i = thread_index(); i < count; i += thread_count()) {
    const float value = from[i / channels * wide + i % channels];
    dweight[i] = accumulate ? dweight[i] + value : value;
  }
}

}  // namespace

void pad_channels(const OwnConvolution& call, void* to, std::int64_t wide, const Tensor& x) {
  const std::int64_t rows = rows_of(x);
  const auto pad = [&]<class T>(T) {
    launch(call.stream, grid_for(rows * wide, call.multiprocessors), pad_kernel<T>, static_cast<T*>(to),
           reinterpret_cast<const T*>(x.raw()), rows, columns_of(x), wide);
  };
  if (x.dtype() == DType::f32)
    pad(std::uint32_t{});
  else
    pad(std::uint16_t{});
}

void finish_channels(const OwnConvolution& call, Tensor& y, const float* from, std::int64_t wide,
                     const Convolution& how) {
  visit_compute_type("convolution", y.dtype(), [&]<class T>(T) {
    launch(call.stream, grid_for(y.numel(), call.multiprocessors), finish_kernel<T>, y.data<T>(), from,
           data_of<T>(how.bias), how.slope, y.numel(), columns_of(y), wide);
  });
}

void add_weight_gradient(const OwnConvolution& call, Tensor& dweight, const float* from, std::int64_t wide,
                         bool accumulate) {
  launch(call.stream, grid_for(dweight.numel(), call.multiprocessors), gradient_kernel, dweight.data<float>(), from,
         dweight.numel(), columns_of(dweight), wide, accumulate);
}

}  // namespace trireme::cuda
