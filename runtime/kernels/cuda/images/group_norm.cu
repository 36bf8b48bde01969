// Group norm: a block for each group of each image.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/column_sums.h"
#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {
namespace {

constexpr int group_warps = 8;
constexpr int group_threads = group_warps * warp_threads;

template <class T>
struct Groups {
  const T* x;
  const T* weight;  // may be null, as bias
  const T* bias;
  float* mean;
  float* rstd;
  std::int64_t pixels;
  int channels, groups;
  float epsilon;

  __device__ int in_group() const { return channels / groups; }
  __device__ float share() const { return 1.0f / static_cast<float>(pixels * in_group()); }
  __device__ float factor(int c) const { return weight ? to_float(weight[c]) : 1.0f; }

  // body(place, channel) for this thread's part of the block's group. No division on the way: one of 64 bits is a call.
  template <class Body>
  __device__ void for_elements(Body&& body) const {
    const int width = in_group(), steps = group_threads / width, rest = group_threads % width;
    const int block = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
    const std::int64_t first_pixel = block / groups * pixels;
    const int first_channel = block % groups * width;
    int channel = thread % width;
    for (std::int64_t pixel = thread / width; pixel < pixels; pixel += steps) {
      body((first_pixel + pixel) * channels + first_channel + channel, first_channel + channel);
      channel += rest;
      if (channel < width) continue;
      channel -= width;
      ++pixel;
    }
  }
};

template <class T>
__global__ void __launch_bounds__(group_threads) group_norm_kernel(T* y, Groups<T> k) {
  const float share = k.share();
  float total = 0, squares = 0;
  k.for_elements([&](std::int64_t at, int) { total += to_float(k.x[at]); });
  const float mean = share * over_block<group_warps>(total, Add{});
  k.for_elements([&](std::int64_t at, int) {
    const float distance = to_float(k.x[at]) - mean;
    squares += distance * distance;
  });
  const float rstd = 1.0f / sqrtf(share * over_block<group_warps>(squares, Add{}) + k.epsilon);
  if (threadIdx.x == 0) {
    k.mean[blockIdx.x] = mean;
    k.rstd[blockIdx.x] = rstd;
  }
  k.for_elements([&](std::int64_t at, int c) {
    y[at] = rounded<T>((to_float(k.x[at]) - mean) * rstd * k.factor(c) + (k.bias ? to_float(k.bias[c]) : 0.0f));
  });
}

template <class T>
__global__ void __launch_bounds__(group_threads) group_norm_grad_kernel(T* dx, const T* dy, Groups<T> k) {
  const float share = k.share(), mean = k.mean[blockIdx.x], rstd = k.rstd[blockIdx.x];
  Sums sums{0, 0};
  k.for_elements([&](std::int64_t at, int c) {
    const float gradient = to_float(dy[at]) * k.factor(c);
    sums.first += gradient;
    sums.second += gradient * ((to_float(k.x[at]) - mean) * rstd);
  });
  sums = over_block<group_warps>(sums, Add{});
  k.for_elements([&](std::int64_t at, int c) {
    const float normalised = (to_float(k.x[at]) - mean) * rstd;
    dx[at] = rounded<T>(rstd * (to_float(dy[at]) * k.factor(c) - share * (sums.first + normalised * sums.second)));
  });
}

// The gradients of weight and bias: of all pixels of all images.
template <class T>
struct WeightSums {
  const T* dy;
  Groups<T> k;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[2][width]) const {
    for (int i = 0; i < width; ++i) {
      const std::int64_t c = column + i, at = row * k.channels + c;
      const std::int64_t group = row / k.pixels * k.groups + c / k.in_group();
      const float gradient = to_float(dy[at]);
      totals[0][i] += gradient * ((to_float(k.x[at]) - k.mean[group]) * k.rstd[group]);
      totals[1][i] += gradient;
    }
  }
};

template <class T>
Groups<T> groups_of(const Tensor& x, const Tensor& mean, const Tensor& rstd, const GroupNorm& how) {
  return {.x = x.data<T>(),
          .weight = data_of<T>(how.weight),
          .bias = data_of<T>(how.bias),
          .mean = mean.data<float>(),
          .rstd = rstd.data<float>(),
          .pixels = x.size(1) * x.size(2),
          .channels = static_cast<int>(x.size(3)),
          .groups = static_cast<int>(how.groups),
          .epsilon = how.epsilon};
}

}  // namespace

void CudaImages::group_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const GroupNorm& how) {
  if (x.numel() == 0) return;
  visit_compute_type("group_norm", x.dtype(), [&]<class T>(T) {
    launch(stream_, {x.size(0) * how.groups, group_threads}, group_norm_kernel<T>, y.data<T>(),
           groups_of<T>(x, mean, rstd, how));
  });
}

void CudaImages::group_norm_grad(Tensor& dx, Tensor* dweight, Tensor* dbias, const Tensor& dy, const Tensor& x,
                                 const Tensor& mean, const Tensor& rstd, const GroupNorm& how, bool accumulate) {
  if (x.size(3) == 0) return;
  visit_compute_type("group_norm_grad", x.dtype(), [&]<class T>(T) {
    const Groups<T> groups = groups_of<T>(x, mean, rstd, how);
    if (dweight)
      sum_columns<1, 2>(device_, WeightSums<T>{dy.data<T>(), groups}, {x.numel() / x.size(3), x.size(3), true},
                        dweight->data<float>(), dbias->data<float>(), accumulate);
    if (x.numel() == 0) return;
    launch(stream_, {x.size(0) * how.groups, group_threads}, group_norm_grad_kernel<T>, dx.data<T>(), dy.data<T>(),
           groups);
  });
}

}  // namespace trireme::cuda
