// Convolutions of our own, for what cuDNN does not take: one thread, or one block, for each result.
#include "runtime/kernels/cuda/column_sums.h"
#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/images/own_convolution.h"
#include "runtime/kernels/cuda/images/pixels.h"
#include "runtime/kernels/cuda/team.h"
#include "runtime/kernels/formulas/sloped.h"

namespace trireme::cuda {
namespace {

struct Sizes {
  Image x, y;
  Window window;
  std::int64_t group_in, group_out;  // channels and filters of a group

  __device__ std::int64_t weight_at(std::int64_t k, std::int64_t r, std::int64_t s, std::int64_t c) const {
    return ((k * window.height.filter + r) * window.width.filter + s) * group_in + c;
  }
};
Sizes sizes_of(const Tensor& x, const Tensor& y, const Convolution& how) {
  return {image_of(x), image_of(y), how.window, x.size(3) / how.groups, y.size(3) / how.groups};
}

template <class T>
__device__ T finished(float sum, const T* bias, std::int64_t channel, float slope) {
  if (bias) sum += to_float(bias[channel]);
  return rounded<T>(slope == 1.0f ? sum : formulas::sloped(sum, slope));
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    convolution_kernel(T* y, const T* x, const T* weight, const T* bias, float slope, Sizes sizes) {
  for_pixels(sizes.y, [=](const Pixel& at, std::int64_t element) {
    float sum = 0;
    const std::int64_t first = at.c / sizes.group_out * sizes.group_in;
    for (std::int64_t r = 0; r < sizes.window.height.filter; ++r) {
      const std::int64_t h = covered(sizes.window.height, at.h, r, sizes.x.height);
      if (h < 0) continue;
      for (std::int64_t s = 0; s < sizes.window.width.filter; ++s) {
        const std::int64_t w = covered(sizes.window.width, at.w, s, sizes.x.width);
        if (w < 0) continue;
        const T* pixel = x + sizes.x.at(at.n, h, w, first);
        const T* filter = weight + sizes.weight_at(at.c, r, s, 0);
        for (std::int64_t c = 0; c < sizes.group_in; ++c) sum += to_float(pixel[c]) * to_float(filter[c]);
      }
    }
    y[element] = finished(sum, bias, at.c, slope);
  });
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    input_kernel(T* dx, const T* dy, const T* weight, const T* bias, float slope, Sizes sizes) {
  for_pixels(sizes.x, [=](const Pixel& at, std::int64_t element) {
    float sum = 0;
    const std::int64_t first = at.c / sizes.group_in * sizes.group_out, c = at.c % sizes.group_in;
    for (std::int64_t r = 0; r < sizes.window.height.filter; ++r) {
      const std::int64_t p = standing(sizes.window.height, at.h, r, sizes.y.height);
      if (p < 0) continue;
      for (std::int64_t s = 0; s < sizes.window.width.filter; ++s) {
        const std::int64_t q = standing(sizes.window.width, at.w, s, sizes.y.width);
        if (q < 0) continue;
        const T* pixel = dy + sizes.y.at(at.n, p, q, first);
        for (std::int64_t k = 0; k < sizes.group_out; ++k)
          sum += to_float(pixel[k]) * to_float(weight[sizes.weight_at(first + k, r, s, c)]);
      }
    }
    dx[element] = finished(sum, bias, at.c, slope);
  });
}

// A warp for each element of the weight: its threads share the pixels.
template <class T>
__global__ void __launch_bounds__(Team<1>::threads)
    weight_kernel(float* dweight, const T* dy, const T* x, bool accumulate, Sizes sizes, std::int64_t count) {
  const std::int64_t pixels = sizes.y.images * sizes.y.height * sizes.y.width;
  for (std::int64_t element = Team<1>::first_row(); element < count; element += Team<1>::row_stride()) {
    const std::int64_t c = element % sizes.group_in, tap = element / sizes.group_in;
    const std::int64_t s = tap % sizes.window.width.filter, rest = tap / sizes.window.width.filter;
    const std::int64_t r = rest % sizes.window.height.filter, k = rest / sizes.window.height.filter;
    const std::int64_t from = k / sizes.group_out * sizes.group_in + c;
    float sum = 0;
    for (PixelWalk at(sizes.y, Team<1>::rank(), Team<1>::size); at.number < pixels; at.advance()) {
      const std::int64_t h = covered(sizes.window.height, at.h, r, sizes.x.height);
      const std::int64_t w = covered(sizes.window.width, at.w, s, sizes.x.width);
      if (h >= 0 && w >= 0)
        sum += to_float(dy[at.number * sizes.y.channels + k]) * to_float(x[sizes.x.at(at.n, h, w, from)]);
    }
    sum = Team<1>::over(sum, Add{});
    if (Team<1>::rank() == 0) dweight[element] = (accumulate ? dweight[element] : 0.0f) + sum;
  }
}

template <class T>
struct SlopeGradient {
  T* dx;
  const T* dy;
  const T* y;
  float slope;
  std::int64_t columns;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[1][width]) const {
    const std::int64_t at = row * columns + column;
    float gradient[width], sign[width];
    load(gradient, dy + at);
    load(sign, y + at);
    for (int i = 0; i < width; ++i) {
      gradient[i] *= formulas::let_through(sign[i], slope);
      totals[0][i] += gradient[i];
    }
    store(dx + at, gradient);
  }
};

template <class T>
__global__ void __launch_bounds__(block_threads)
    slope_grad_kernel(T* dx, const T* dy, const T* y, float slope, Sweep s) {
  sweep<widest<T>>(s, [=]<int n>(Width<n>, std::int64_t at) {
    float gradient[n], sign[n];
    load(gradient, dy + at);
    load(sign, y + at);
    for (int i = 0; i < n; ++i) gradient[i] *= formulas::let_through(sign[i], slope);
    store(dx + at, gradient);
  });
}

template <class T>
const T* bias_of(const Convolution& how) {
  return how.bias ? how.bias->data<T>() : nullptr;
}

}  // namespace

void own_convolution(const OwnConvolution& call, Tensor& y, const Tensor& x, const Tensor& weight,
                     const Convolution& how) {
  if (y.numel() == 0) return;
  visit_compute_type("convolution", y.dtype(), [&]<class T>(T) {
    launch(call.stream, grid_for(y.numel(), call.multiprocessors), convolution_kernel<T>, y.data<T>(), x.data<T>(),
           weight.data<T>(), bias_of<T>(how), how.slope, sizes_of(x, y, how));
  });
}

void own_convolution_input(const OwnConvolution& call, Tensor& dx, const Tensor& dy, const Tensor& weight,
                           const Convolution& how) {
  if (dx.numel() == 0) return;
  visit_compute_type("convolution_input", dx.dtype(), [&]<class T>(T) {
    launch(call.stream, grid_for(dx.numel(), call.multiprocessors), input_kernel<T>, dx.data<T>(), dy.data<T>(),
           weight.data<T>(), bias_of<T>(how), how.slope, sizes_of(dx, dy, how));
  });
}

void own_convolution_weight(const OwnConvolution& call, Tensor& dweight, const Tensor& dy, const Tensor& x,
                            const Convolution& how, bool accumulate) {
  if (dweight.numel() == 0) return;
  visit_compute_type("convolution_weight", x.dtype(), [&]<class T>(T) {
    launch(call.stream, Team<1>::grid(dweight.numel(), call.multiprocessors), weight_kernel<T>, dweight.data<float>(),
           dy.data<T>(), x.data<T>(), accumulate, sizes_of(x, dy, how), dweight.numel());
  });
}

void CudaImages::slope_grad(Tensor& dx, const Tensor& dy, const Tensor& y, float slope, Tensor* dbias,
                            bool accumulate) {
  const std::int64_t columns = y.size(-1);
  if (columns == 0) return;
  visit_compute_type("slope_grad", y.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    if (!dbias) {
      if (y.numel() == 0) return;
      const Sweep s =
          sweep_of(y.numel(), width, {place_of(dx.data<T>()), place_of(dy.data<T>()), place_of(y.data<T>())});
      launch(stream_, grid_for(s, width, multiprocessors()), slope_grad_kernel<T>, dx.data<T>(), dy.data<T>(),
             y.data<T>(), slope, s);
      return;
    }
    const bool aligned =
        rows_aligned(columns, width, {place_of(dx.data<T>()), place_of(dy.data<T>()), place_of(y.data<T>())});
    const SlopeGradient<T> op{dx.data<T>(), dy.data<T>(), y.data<T>(), slope, columns};
    sum_columns<width, 1>(device_, op, {y.numel() / columns, columns, aligned}, dbias->data<float>(), nullptr,
                          accumulate);
  });
}

}  // namespace trireme::cuda
