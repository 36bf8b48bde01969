// The gradients of layer norm and RMS norm. With n = (x - mean) rstd and g = dy weight,
//   dx = rstd (g - average(g) - n average(g n)), dweight = sum over rows of dy n, dbias = sum over rows of dy,
// where the RMS norm has no mean, no average(g) and no dbias.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/column_sums.h"
#include "runtime/kernels/cuda/cuda_class.h"

namespace trireme::cuda {
namespace {

template <class T>
struct NormBackward {
  T* dx;
  const T* dy;
  const T* x;
  const T* add;       // may be null; may be dx
  const float* mean;  // null for the RMS norm
  const float* rstd;
  const T* weight;
  std::int64_t rows, columns;
};

// dx = dy weight rstd - offset - tilt (x - mean).
struct RowFactors {
  float mean, rstd, offset, tilt;
};

// From the sums of g and of g (x - mean) over the row.
template <class T>
__device__ RowFactors factors_of(const NormBackward<T>& n, Sums sums, float mean, float rstd) {
  const float share = 1.0f / static_cast<float>(n.columns);
  const float offset = n.mean ? sums.first * share * rstd : 0.0f;
  return {mean, rstd, offset, sums.second * share * rstd * rstd * rstd};
}

template <int width, class T>
__device__ void add_row_part(Sums& sums, const NormBackward<T>& n, std::int64_t row, std::int64_t column, float mean) {
  float dy[width], x[width], weight[width];
  load(dy, n.dy + row * n.columns + column);
  load(x, n.x + row * n.columns + column);
  load(weight, n.weight + column);
  for (int i = 0; i < width; ++i) {
    const float g = dy[i] * weight[i];
    sums.first += g;
    sums.second += g * (x[i] - mean);
  }
}

// Writes dx; totals[0] += dweight, totals[1] += dbias.
template <int width, class T>
__device__ void write_row_part(float (&totals)[2][width], const NormBackward<T>& n, std::int64_t row,
                               std::int64_t column, const RowFactors& f) {
  const std::int64_t at = row * n.columns + column;
  float dy[width], x[width], weight[width], add[width] = {};
  load(dy, n.dy + at);
  load(x, n.x + at);
  load(weight, n.weight + column);
  if (n.add) load(add, n.add + at);
  for (int i = 0; i < width; ++i) {
    const float distance = x[i] - f.mean;
    totals[0][i] += dy[i] * (distance * f.rstd);
    totals[1][i] += dy[i];
    add[i] += dy[i] * weight[i] * f.rstd - f.offset - distance * f.tilt;
  }
  store(n.dx + at, add);
}

constexpr int grouped_threads = 512;

// Several rows at a time in a block, each by a group of warps whose threads keep to their columns (`packs` packs each)
// and add up dweight and dbias there. At the end the groups' sums are added in their order. partial (blocks, 2,
// columns).
template <class T, int packs>
__global__ void __launch_bounds__(grouped_threads, packs == 1 ? 2 : 1)
    norm_grad_grouped_kernel(NormBackward<T> n, int group_threads, float* partial) {
  constexpr int width = widest<T>;
  const int groups = static_cast<int>(blockDim.x) / group_threads;
  const int group = static_cast<int>(threadIdx.x) / group_threads, rank = static_cast<int>(threadIdx.x) % group_threads;
  const int warp = threadIdx.x / warp_threads, group_warps = group_threads / warp_threads;
  __shared__ Sums of_warp[2][grouped_threads / warp_threads];  // of even and of odd rounds
  float totals[packs][2][width] = {};
  int odd = 0;
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * groups; first < n.rows;
       first += static_cast<std::int64_t>(gridDim.x) * groups) {
    const std::int64_t row = first + group;
    const bool active = row < n.rows;
    const float mean = active && n.mean ? n.mean[row] : 0.0f, rstd = active ? n.rstd[row] : 0.0f;
    Sums sums{0, 0};
    for (int k = 0; k < packs; ++k) {
      const std::int64_t column = static_cast<std::int64_t>(rank + k * group_threads) * width;
      if (active && column < n.columns) add_row_part<width>(sums, n, row, column, mean);
    }
    sums = over_warp(sums, Add{});
    if (threadIdx.x % warp_threads == 0) of_warp[odd][warp] = sums;
    __syncthreads();  // the other half of of_warp is written next: whoever reads this one is past it by then
    sums = {0, 0};
    for (int w = 0; w < group_warps; ++w) sums = Add{}(sums, of_warp[odd][group * group_warps + w]);
    const RowFactors factors = factors_of(n, sums, mean, rstd);
    for (int k = 0; k < packs; ++k) {
      const std::int64_t column = static_cast<std::int64_t>(rank + k * group_threads) * width;
      if (active && column < n.columns) write_row_part(totals[k], n, row, column, factors);
    }
    odd = 1 - odd;
  }

  // With one pack to a thread there may be several groups; their sums meet in shared memory.
  __shared__ float met[packs == 1 ? 2 * width * grouped_threads : 1];
  if constexpr (packs == 1) {
    for (int g = 0; g < groups; ++g) {
      for (int v = 0; v < 2 * width && g == group; ++v) {
        float* at = met + v * grouped_threads + rank;
        *at = totals[0][v / width][v % width] + (g == 0 ? 0.0f : *at);
      }
      __syncthreads();
    }
    if (group != 0) return;
    for (int v = 0; v < 2 * width; ++v) totals[0][v / width][v % width] = met[v * grouped_threads + rank];
  }
  for (int k = 0; k < packs; ++k) {
    const std::int64_t column = static_cast<std::int64_t>(rank + k * group_threads) * width;
    for (int v = 0; v < 2 * width && column < n.columns; ++v)
      partial[(static_cast<std::int64_t>(blockIdx.x) * 2 + v / width) * n.columns + column + v % width] =
          totals[k][v / width][v % width];
  }
}

// For rows of any length and alignment: their factors first, then everything else column by column.
template <class T, int width>
__global__ void __launch_bounds__(Team<8>::threads) norm_factors_kernel(NormBackward<T> n, RowFactors* factors) {
  using Rows = Team<8>;
  for (std::int64_t row = Rows::first_row(); row < n.rows; row += Rows::row_stride()) {
    const float mean = n.mean ? n.mean[row] : 0.0f;
    Sums sums{0, 0};
    for (std::int64_t c = Rows::rank() * width; c < n.columns; c += Rows::size * width)
      add_row_part<width>(sums, n, row, c, mean);
    sums = Rows::over(sums, Add{});
    if (Rows::rank() == 0) factors[row] = factors_of(n, sums, mean, n.rstd[row]);
  }
}

template <class T>
struct NormGradient {
  NormBackward<T> n;
  const RowFactors* factors;

  template <int width>
  __device__ void add(std::int64_t row, std::int64_t column, float (&totals)[2][width]) const {
    write_row_part(totals, n, row, column, factors[row]);
  }
};

struct ParameterGradients {
  float* dweight;
  float* dbias;  // null for the RMS norm
  bool accumulate;
};

template <class T>
void norm_grad_grouped(CudaDevice& device, const NormBackward<T>& n, const ParameterGradients& to) {
  const std::int64_t packs = n.columns / widest<T>;
  const std::int64_t packs_each = packs <= grouped_threads ? 1 : 2;
  const std::int64_t warps = (packs + packs_each * warp_threads - 1) / (packs_each * warp_threads);
  const int group_threads = static_cast<int>(warps) * warp_threads;
  const std::int64_t groups = packs_each == 1 ? grouped_threads / group_threads : 1;
  const int multiprocessors = device.properties().multiProcessorCount;
  const std::int64_t blocks = std::min<std::int64_t>((n.rows + groups - 1) / groups, 2 * std::int64_t{multiprocessors});
  const Scratch partial = device.scratch(blocks * 2 * n.columns * static_cast<std::int64_t>(sizeof(float)));
  const auto kernel = packs_each == 1 ? norm_grad_grouped_kernel<T, 1> : norm_grad_grouped_kernel<T, 2>;
  launch(device.native_compute(), {blocks, static_cast<int>(groups) * group_threads}, kernel, n, group_threads,
         partial.as<float>());
  add_parts(device.native_compute(), {.y0 = to.dweight,
                                      .y1 = to.dbias,
                                      .partial = partial.as<float>(),
                                      .parts = blocks,
                                      .columns = n.columns,
                                      .stride = 2 * n.columns,
                                      .accumulate = to.accumulate});
}

template <class T>
void norm_backward(CudaDevice& device, const NormBackward<T>& n, const ParameterGradients& to) {
  constexpr int width = widest<T>;
  if (n.columns == 0) return;
  const bool aligned = rows_aligned(
      n.columns, width, {place_of(n.dx), place_of(n.dy), place_of(n.x), place_of(n.add), place_of(n.weight)});
  if (aligned && n.rows > 0 && n.columns <= 2 * grouped_threads * width) return norm_grad_grouped(device, n, to);
  const Scratch factors = device.scratch(n.rows * static_cast<std::int64_t>(sizeof(RowFactors)));
  const int multiprocessors = device.properties().multiProcessorCount;
  if (n.rows > 0)
    launch(device.native_compute(), Team<8>::grid(n.rows, multiprocessors),
           aligned ? norm_factors_kernel<T, width> : norm_factors_kernel<T, 1>, n, factors.as<RowFactors>());
  sum_columns<width, 2>(device, NormGradient<T>{n, factors.as<RowFactors>()}, {n.rows, n.columns, aligned}, to.dweight,
                        to.dbias, to.accumulate);
}

}  // namespace

void CudaKernels::layer_norm_grad(Tensor& dx, Tensor& dweight, Tensor& dbias, const Tensor& dy, const Tensor& x,
                                  const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor* add,
                                  bool accumulate) {
  visit_compute_type("layer_norm_grad", x.dtype(), [&]<class T>(T) {
    norm_backward<T>(device_,
                     {.dx = dx.data<T>(),
                      .dy = dy.data<T>(),
                      .x = x.data<T>(),
                      .add = data_of<T>(add),
                      .mean = mean.data<float>(),
                      .rstd = rstd.data<float>(),
                      .weight = weight.data<T>(),
                      .rows = rows_of(x),
                      .columns = columns_of(x)},
                     {dweight.data<float>(), dbias.data<float>(), accumulate});
  });
}

void CudaKernels::rms_norm_grad(Tensor& dx, Tensor& dweight, const Tensor& dy, const Tensor& x, const Tensor& rstd,
                                const Tensor& weight, const Tensor* add, bool accumulate) {
  visit_compute_type("rms_norm_grad", x.dtype(), [&]<class T>(T) {
    norm_backward<T>(device_,
                     {.dx = dx.data<T>(),
                      .dy = dy.data<T>(),
                      .x = x.data<T>(),
                      .add = data_of<T>(add),
                      .mean = nullptr,
                      .rstd = rstd.data<float>(),
                      .weight = weight.data<T>(),
                      .rows = rows_of(x),
                      .columns = columns_of(x)},
                     {dweight.data<float>(), nullptr, accumulate});
  });
}

}  // namespace trireme::cuda
