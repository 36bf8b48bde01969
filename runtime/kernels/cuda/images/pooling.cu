// Pooling and resampling: each thread sums up what one element is made of, forwards and back.
#include <cstdint>

#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/images/pixels.h"

namespace trireme::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(block_threads)
    max_pool_kernel(T* y, std::uint8_t* where, const T* x, Image out, Image in, Window window) {
  for_pixels(out, [=](const Pixel& at, std::int64_t element) {
    float largest = 0;
    std::int64_t place = -1;
    for (std::int64_t r = 0; r < window.height.filter; ++r) {
      const std::int64_t h = covered(window.height, at.h, r, in.height);
      if (h < 0) continue;
      for (std::int64_t s = 0; s < window.width.filter; ++s) {
        const std::int64_t w = covered(window.width, at.w, s, in.width);
        if (w < 0) continue;
        const float value = to_float(x[in.at(at.n, h, w, at.c)]);
        if (place >= 0 && !(value > largest) && value == value) continue;
        largest = value;
        place = r * window.width.filter + s;
      }
    }
    y[element] = rounded<T>(largest);
    where[element] = static_cast<std::uint8_t>(place);
  });
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    max_pool_grad_kernel(T* dx, const T* dy, const std::uint8_t* where, Image in, Image out, Window window) {
  for_pixels(in, [=](const Pixel& at, std::int64_t element) {
    float sum = 0;
    for (std::int64_t r = window.height.filter - 1; r >= 0; --r) {
      const std::int64_t p = standing(window.height, at.h, r, out.height);
      if (p < 0) continue;
      for (std::int64_t s = window.width.filter - 1; s >= 0; --s) {
        const std::int64_t q = standing(window.width, at.w, s, out.width);
        if (q < 0) continue;
        const std::int64_t from = out.at(at.n, p, q, at.c);
        if (where[from] == r * window.width.filter + s) sum += to_float(dy[from]);
      }
    }
    dx[element] = rounded<T>(sum);
  });
}

// How pixels of one side are made of pixels of the other.
enum class Way : std::uint8_t { window, adaptive, nearest, bilinear };

struct Range {
  std::int64_t first, last;
};
__device__ Range within(std::int64_t first, std::int64_t last, std::int64_t size) {
  return {first > 0 ? first : 0, last < size ? last : size - 1};
}

// Between the pixels of a side that is made (`outs`) and of one that it is made of (`ins`).
struct Shares {
  Way way;
  std::int64_t outs, ins;
  Side side{};  // of windows

  // Where the inputs of an output lie, and the outputs of an input; not all in between need have a share.
  __device__ Range inputs(std::int64_t out) const {
    if (way == Way::window) {
      const std::int64_t first = out * side.stride - side.before;
      return within(first, first + side.dilation * (side.filter - 1), ins);
    }
    if (way == Way::adaptive) return {out * ins / outs, ((out + 1) * ins + outs - 1) / outs - 1};
    const std::int64_t first = left_neighbour(out);
    return {first, way == Way::bilinear && first + 1 < ins ? first + 1 : first};
  }
  __device__ Range outputs(std::int64_t in) const {
    if (way == Way::window) {
      const std::int64_t last = in + side.before, first = last - side.dilation * (side.filter - 1);
      return within((first > 0 ? first + side.stride - 1 : 0) / side.stride, last / side.stride, outs);
    }
    return within((in - 1) * outs / ins - 2, (in + 2) * outs / ins + 1, outs);
  }
  __device__ float share(std::int64_t out, std::int64_t in) const {
    if (way == Way::window) {
      const std::int64_t distance = in + side.before - out * side.stride;
      const bool covers = side.dilation == 1 || distance % side.dilation == 0;
      return covers ? 1.0f / static_cast<float>(side.filter) : 0.0f;
    }
    if (way == Way::adaptive) {
      const Range made_of = inputs(out);
      return in < made_of.first || in > made_of.last ? 0.0f
                                                     : 1.0f / static_cast<float>(made_of.last - made_of.first + 1);
    }
    const std::int64_t first = left_neighbour(out);
    const float second = way == Way::bilinear && first + 1 < ins ? share_of_second(out) : 0.0f;
    return in == first ? 1.0f - second : in == first + 1 ? second : 0.0f;
  }

 private:
  // (out + 1/2) ins / outs - 1/2 = numerator / (2 outs), in whole numbers: no rounding decides for another pixel.
  __device__ std::int64_t numerator(std::int64_t out) const { return (2 * out + 1) * ins - outs; }
  __device__ std::int64_t left_neighbour(std::int64_t out) const {
    if (way == Way::nearest) return out * ins / outs;
    return numerator(out) <= 0 ? 0 : numerator(out) / (2 * outs);
  }
  __device__ float share_of_second(std::int64_t out) const {
    if (numerator(out) <= 0) return 0.0f;
    return static_cast<float>(numerator(out) % (2 * outs)) / static_cast<float>(2 * outs);
  }
};

struct Spread {
  Image to, from;
  Shares down, across;
  bool back;  // `from` are outputs, `to` inputs

  __device__ Range range(const Shares& shares, std::int64_t at) const {
    return back ? shares.outputs(at) : shares.inputs(at);
  }
  __device__ float share(const Shares& shares, std::int64_t at, std::int64_t other) const {
    return back ? shares.share(other, at) : shares.share(at, other);
  }
};

template <class T>
__global__ void __launch_bounds__(block_threads) spread_kernel(T* to, const T* from, Spread k) {
  for_pixels(k.to, [=](const Pixel& at, std::int64_t element) {
    float sum = 0;
    const Range rows = k.range(k.down, at.h), columns = k.range(k.across, at.w);
    for (std::int64_t h = rows.first; h <= rows.last; ++h) {
      const float vertical = k.share(k.down, at.h, h);
      if (vertical == 0.0f) continue;
      for (std::int64_t w = columns.first; w <= columns.last; ++w) {
        const float both = vertical * k.share(k.across, at.w, w);
        if (both != 0.0f) sum += both * to_float(from[k.from.at(at.n, h, w, at.c)]);
      }
    }
    to[element] = rounded<T>(sum);
  });
}

struct SpreadCall {
  cudaStream_t stream;
  int multiprocessors;
  Way way;
  Window window{};
};
// Of outputs from inputs, or back: of the inputs' gradient from the outputs'.
void spread(const SpreadCall& call, Tensor& to, const Tensor& from, bool back) {
  if (to.numel() == 0) return;
  const Tensor &outs = back ? from : to, &ins = back ? to : from;
  const Spread k{.to = image_of(to),
                 .from = image_of(from),
                 .down = {call.way, outs.size(1), ins.size(1), call.window.height},
                 .across = {call.way, outs.size(2), ins.size(2), call.window.width},
                 .back = back};
  visit_compute_type("pooling", to.dtype(), [&]<class T>(T) {
    launch(call.stream, grid_for(to.numel(), call.multiprocessors), spread_kernel<T>, to.data<T>(), from.data<T>(), k);
  });
}

Way way_of(Resampling how) {
  return how == Resampling::nearest ? Way::nearest : Way::bilinear;
}

}  // namespace

void CudaImages::max_pool(Tensor& y, Tensor& where, const Tensor& x, const Window& window) {
  if (y.numel() == 0) return;
  visit_compute_type("max_pool", x.dtype(), [&]<class T>(T) {
    launch(stream_, grid_for(y.numel(), multiprocessors()), max_pool_kernel<T>, y.data<T>(), where.data<std::uint8_t>(),
           x.data<T>(), image_of(y), image_of(x), window);
  });
}

void CudaImages::max_pool_grad(Tensor& dx, const Tensor& dy, const Tensor& where, const Window& window) {
  if (dx.numel() == 0) return;
  visit_compute_type("max_pool_grad", dx.dtype(), [&]<class T>(T) {
    launch(stream_, grid_for(dx.numel(), multiprocessors()), max_pool_grad_kernel<T>, dx.data<T>(), dy.data<T>(),
           where.data<std::uint8_t>(), image_of(dx), image_of(dy), window);
  });
}

void CudaImages::average_pool(Tensor& y, const Tensor& x, const Window& window) {
  spread({stream_, multiprocessors(), Way::window, window}, y, x, false);
}

void CudaImages::average_pool_grad(Tensor& dx, const Tensor& dy, const Window& window) {
  spread({stream_, multiprocessors(), Way::window, window}, dx, dy, true);
}

void CudaImages::adaptive_average_pool(Tensor& y, const Tensor& x) {
  spread({stream_, multiprocessors(), Way::adaptive}, y, x, false);
}

void CudaImages::adaptive_average_pool_grad(Tensor& dx, const Tensor& dy) {
  spread({stream_, multiprocessors(), Way::adaptive}, dx, dy, true);
}

void CudaImages::resample(Tensor& y, const Tensor& x, Resampling how) {
  spread({stream_, multiprocessors(), way_of(how)}, y, x, false);
}

void CudaImages::resample_grad(Tensor& dx, const Tensor& dy, Resampling how) {
  spread({stream_, multiprocessors(), way_of(how)}, dx, dy, true);
}

}  // namespace trireme::cuda
