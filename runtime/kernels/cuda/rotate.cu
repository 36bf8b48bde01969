#include <cmath>

#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/rotation.h"

namespace trireme::cuda {
namespace {

struct Turning {
  std::int64_t rows, sequence, first;
  int heads, rotated;
  int half;
  int across;  // threads of a block that are next to each other in a head
  double log2_base;
  bool inverse;
};

// A thread has the same elements of some heads in every row that it works on.
template <class T, int n>
__global__ void __launch_bounds__(block_threads) rotate_kernel(T* y, const T* x, Turning how) {
  const int heads_at_once = block_threads / how.across, first_head = static_cast<int>(threadIdx.x) / how.across;
  if (first_head >= heads_at_once) return;
  const std::int64_t width = 2 * std::int64_t{how.half};
  for (int i = static_cast<int>(threadIdx.x) % how.across * n; i < how.half; i += how.across * n) {
    std::uint64_t turns[n];
    for (int k = 0; k < n; ++k) turns[k] = formulas::turn_per_position(i + k, how.half, how.log2_base);
    for (std::int64_t row = blockIdx.x; row < how.rows; row += gridDim.x) {
      float cosine[n], sine[n];
      for (int k = 0; k < n; ++k) {
        const Direction direction = formulas::direction_at_position(turns[k], how.first + row % how.sequence);
        cosine[k] = direction.cosine;
        sine[k] = how.inverse ? -direction.sine : direction.sine;
      }
      for (int head = first_head; head < how.heads; head += heads_at_once) {
        const std::int64_t at = (row * how.heads + head) * width + i;
        if (head >= how.rotated && y == x) break;
        float a[n], b[n];
        load(a, x + at);
        load(b, x + at + how.half);
        if (head < how.rotated) {
          for (int k = 0; k < n; ++k) {
            const float turned = a[k] * cosine[k] - b[k] * sine[k];
            b[k] = a[k] * sine[k] + b[k] * cosine[k];
            a[k] = turned;
          }
        }
        store(y + at, a);
        store(y + at + how.half, b);
      }
    }
  }
}

}  // namespace

void CudaKernels::rotate(Tensor& y, const Tensor& x, const Rotation& how) {
  if (x.numel() == 0) return;
  Turning turning{.rows = x.size(0) * x.size(1),
                  .sequence = x.size(1),
                  .first = how.first,
                  .heads = static_cast<int>(x.size(2)),
                  .rotated = static_cast<int>(how.heads),
                  .half = static_cast<int>(x.size(3) / 2),
                  .across = 0,
                  .log2_base = std::log2(double{how.base}),
                  .inverse = how.inverse};
  visit_compute_type("rotate", x.dtype(), [&]<class T>(T) {
    const auto start = [&]<int n>(Width<n>) {
      turning.across = std::clamp(turning.half / n, 1, block_threads);
      const Grid grid{std::min<std::int64_t>(turning.rows, std::int64_t{multiprocessors()} * 8), block_threads};
      launch(stream_, grid, rotate_kernel<T, n>, y.data<T>(), x.data<T>(), turning);
    };
    if (rows_aligned(turning.half, widest<T>, {place_of(y.data<T>()), place_of(x.data<T>())}))
      start(Width<widest<T>>{});
    else
      start(Width<1>{});
  });
}

}  // namespace trireme::cuda
