// Softmax cross entropy over rows of logits, which its gradient replaces.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/peak.h"

namespace trireme::cuda {
namespace {

template <class T>
struct CrossEntropyRows {
  float* losses;
  float* weights;
  T* logits;
  const std::int32_t* targets;
  const float* class_weights;  // or null
  std::int64_t rows, classes;
  float label_smoothing;
  std::int32_t ignore;
  bool gradient;
  float gradient_scale;
};

// What a pass over the logits finds: the softmax's peak, and for label smoothing the sum of x - pivot.
struct RowSums {
  Peak peak;
  float distances;
};

template <class Rows, int width, class T>
__device__ RowSums sums_of(const T* row, std::int64_t classes, float pivot, bool smooth) {
  RowSums sums{{-HUGE_VALF, 0.0f}, 0.0f};
  for (std::int64_t c = Rows::rank() * width; c < classes; c += Rows::size * width) {
    float values[width];
    load(values, row + c);
    add_to_peak(sums.peak, values);
    if (smooth)
      for (int i = 0; i < width; ++i) sums.distances += values[i] - pivot;
  }
  sums.peak = Rows::over(sums.peak, Merge{});
  if (smooth) sums.distances = Rows::over(sums.distances, Add{});
  return sums;
}

template <class Rows, int width, class T>
__device__ void clear_row(T* row, std::int64_t classes) {
  const float zeros[width] = {};
  for (std::int64_t c = Rows::rank() * width; c < classes; c += Rows::size * width) store(row + c, zeros);
}

// A row's gradient is scale (softmax - (1 - smoothing) one-hot - smoothing / classes). The thread that writes the
// target's column writes it a second time, from the difference that loses no digits.
template <class Rows, int width, class T>
__device__ void write_gradient(T* row, const CrossEntropyRows<T>& r, const Peak& peak, std::int32_t target, float logit,
                               float scale) {
  const float factor = scale / peak.total;
  const float everywhere = scale * r.label_smoothing / static_cast<float>(r.classes);
  for (std::int64_t c = Rows::rank() * width; c < r.classes; c += Rows::size * width) {
    float values[width];
    load(values, row + c);
    for (int i = 0; i < width; ++i) values[i] = expf(values[i] - peak.largest) * factor - everywhere;
    store(row + c, values);
    if (target >= c && target < c + width) {
      const float p = expf(logit - peak.largest) / peak.total;
      row[target] = rounded<T>(scale * (p - (1.0f - r.label_smoothing)) - everywhere);
    }
  }
}

// loss = sum of q (log_total - (x - largest)), q = (1 - s) one-hot + s / V. A target outside the classes has no loss
// that means anything: NaN, which stops the run at the next step's norm, and no memory is touched beyond the row.
template <class T, int warps, int width>
__global__ void __launch_bounds__(Team<warps>::threads, 1) cross_entropy_kernel(CrossEntropyRows<T> r) {
  using Rows = Team<warps>;
  const bool smooth = r.label_smoothing != 0;
  for (std::int64_t at = Rows::first_row(); at < r.rows; at += Rows::row_stride()) {
    T* row = r.logits + at * r.classes;
    const std::int32_t target = r.targets[at];
    if (target == r.ignore) {
      if (r.gradient) clear_row<Rows, width>(row, r.classes);
      if (Rows::rank() == 0) r.losses[at] = r.weights[at] = 0;
      continue;
    }
    const bool known = target >= 0 && target < r.classes;
    const float logit = known ? to_float(row[target]) : nanf("");
    const float weight = known && r.class_weights ? r.class_weights[target] : 1.0f;
    const float pivot = std::isfinite(logit) ? logit : 0.0f;
    const RowSums sums = sums_of<Rows, width>(row, r.classes, pivot, smooth);
    const float log_total = logf(sums.peak.total);
    float loss = log_total - (logit - sums.peak.largest);
    if (smooth) {
      const float average = sums.distances / static_cast<float>(r.classes);
      const float uniform = log_total - (average - (sums.peak.largest - pivot));
      loss = (1.0f - r.label_smoothing) * loss + r.label_smoothing * uniform;
    }
    if (Rows::rank() == 0) {
      r.losses[at] = weight * loss;
      r.weights[at] = weight;
    }
    if (!r.gradient) continue;
    __syncwarp();  // every lane has read the target's logit before one of them writes over it
    const float scale = (known ? weight : logit) * r.gradient_scale;
    write_gradient<Rows, width>(row, r, sums.peak, target, logit, scale);
  }
}

}  // namespace

void CudaKernels::cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                const CrossEntropy& how) {
  const std::int64_t classes = columns_of(logits), rows = rows_of(logits);
  if (rows == 0) return;
  visit_compute_type("cross_entropy", logits.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const CrossEntropyRows<T> work{.losses = losses.data<float>(),
                                   .weights = weights.data<float>(),
                                   .logits = logits.data<T>(),
                                   .targets = targets.data<std::int32_t>(),
                                   .class_weights = floats_of(how.class_weights),
                                   .rows = rows,
                                   .classes = classes,
                                   .label_smoothing = how.label_smoothing,
                                   .ignore = how.ignore,
                                   .gradient = how.gradient,
                                   .gradient_scale = how.gradient_scale};
    const bool aligned = rows_aligned(classes, width, {place_of(work.logits)});
    const auto run = [&]<int warps>(Team<warps> team, int blocks_per_multiprocessor) {
      const auto kernel = aligned ? cross_entropy_kernel<T, warps, width> : cross_entropy_kernel<T, warps, 1>;
      launch(stream_, team.grid(rows, multiprocessors(), blocks_per_multiprocessor), kernel, work);
    };
    if (classes <= 256) return run(Team<1>{}, 16);
    if (classes <= 4096) return run(Team<8>{}, 8);
    run(Team<32>{}, 2);  // few rows at once: the second pass finds them in the cache
  });
}

}  // namespace trireme::cuda
