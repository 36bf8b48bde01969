#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/peak.h"

namespace trireme::cuda {
namespace {

// y may be x: a thread reads and writes its own columns.
template <class T, int warps, int width>
__global__ void __launch_bounds__(Team<warps>::threads)
    softmax_kernel(T* y, const T* x, std::int64_t rows, std::int64_t columns, bool log) {
  using Rows = Team<warps>;
  for (std::int64_t row = Rows::first_row(); row < rows; row += Rows::row_stride()) {
    const Peak peak = peak_of<Rows, width>(x + row * columns, columns);
    const float factor = 1.0f / peak.total, log_total = logf(peak.total);
    for (std::int64_t c = Rows::rank() * width; c < columns; c += Rows::size * width) {
      float values[width];
      load(values, x + row * columns + c);
      for (int i = 0; i < width; ++i) {
        const float distance = values[i] - peak.largest;
        values[i] = log ? distance - log_total : expf(distance) * factor;
      }
      store(y + row * columns + c, values);
    }
  }
}

// softmax:     dx = y (dy - sum of dy y)
// log-softmax: dx = dy - e^y sum of dy
template <class T, int warps, int width>
__global__ void __launch_bounds__(Team<warps>::threads)
    softmax_grad_kernel(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t columns, bool log) {
  using Rows = Team<warps>;
  for (std::int64_t row = Rows::first_row(); row < rows; row += Rows::row_stride()) {
    const std::int64_t begin = row * columns, first = Rows::rank() * width, stride = Rows::size * width;
    float gradient[width], values[width], total = 0;
    for (std::int64_t c = first; c < columns; c += stride) {
      load(gradient, dy + begin + c);
      load(values, y + begin + c);
      for (int i = 0; i < width; ++i) total += log ? gradient[i] : gradient[i] * values[i];
    }
    total = Rows::over(total, Add{});
    for (std::int64_t c = first; c < columns; c += stride) {
      load(gradient, dy + begin + c);
      load(values, y + begin + c);
      for (int i = 0; i < width; ++i)
        gradient[i] = log ? gradient[i] - expf(values[i]) * total : values[i] * (gradient[i] - total);
      store(dx + begin + c, gradient);
    }
  }
}

constexpr std::int64_t columns_of_a_warp = 1024;  // rows up to this length take one warp

}  // namespace

void CudaKernels::softmax(Tensor& y, const Tensor& x, bool log) {
  const std::int64_t rows = rows_of(x), columns = columns_of(x);
  if (rows == 0) return;
  visit_compute_type("softmax", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const bool aligned = rows_aligned(columns, width, {place_of(y.data<T>()), place_of(x.data<T>())});
    const auto run = [&]<int warps>(Team<warps> team) {
      const auto kernel = aligned ? softmax_kernel<T, warps, width> : softmax_kernel<T, warps, 1>;
      launch(stream_, team.grid(rows, multiprocessors()), kernel, y.data<T>(), x.data<T>(), rows, columns, log);
    };
    columns <= columns_of_a_warp ? run(Team<1>{}) : run(Team<8>{});
  });
}

void CudaKernels::softmax_grad(Tensor& dx, const Tensor& dy, const Tensor& y, bool log) {
  const std::int64_t rows = rows_of(y), columns = columns_of(y);
  if (rows == 0) return;
  visit_compute_type("softmax_grad", y.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const bool aligned =
        rows_aligned(columns, width, {place_of(dx.data<T>()), place_of(dy.data<T>()), place_of(y.data<T>())});
    const auto run = [&]<int warps>(Team<warps> team) {
      const auto kernel = aligned ? softmax_grad_kernel<T, warps, width> : softmax_grad_kernel<T, warps, 1>;
      launch(stream_, team.grid(rows, multiprocessors()), kernel, dx.data<T>(), dy.data<T>(), y.data<T>(), rows,
             columns, log);
    };
    columns <= columns_of_a_warp ? run(Team<1>{}) : run(Team<8>{});
  });
}

}  // namespace trireme::cuda
