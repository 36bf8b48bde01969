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

// What a pass over the logits finds: the softmax's peak, and for label smoothing the sums of weight (x - pivot) and of
// the weights.
struct RowSums {
  Peak peak;
  Sums weighted;
};

template <class Rows, int width, class T>
__device__ RowSums sums_of(const T* row, const CrossEntropyRows<T>& r, float pivot) {
  RowSums sums{{-HUGE_VALF, 0.0f}, {0.0f, 0.0f}};
  const bool smooth = r.label_smoothing != 0;
  for (std::int64_t c = Rows::rank() * width; c < r.classes; c += Rows::size * width) {
    float values[width];
    load(values, row + c);
    add_to_peak(sums.peak, values);
    if (!smooth) continue;
    float weights[width];
    for (int i = 0; i < width; ++i) weights[i] = 1.0f;
    if (r.class_weights) load(weights, r.class_weights + c);
    for (int i = 0; i < width; ++i) {
      sums.weighted.first += weights[i] * (values[i] - pivot);
      sums.weighted.second += weights[i];
    }
  }
  sums.peak = Rows::over(sums.peak, Merge{});
  if (smooth) sums.weighted = Rows::over(sums.weighted, Add{});
  return sums;
}

template <class Rows, int width, class T>
__device__ void clear_row(T* row, std::int64_t classes) {
  const float zeros[width] = {};
  for (std::int64_t c = Rows::rank() * width; c < classes; c += Rows::size * width) store(row + c, zeros);
}

// With q = sharp one-hot + weights everywhere, the gradient of a row is scale (softmax sum(q) - q).
struct RowGradient {
  float factor;      // of e^(x - largest)
  float everywhere;  // scale smoothing / classes
  std::int32_t target;
  float target_gradient;  // from a difference that loses no digits
};

// The thread that writes the target's column writes it a second time.
template <class Rows, int width, class T>
__device__ void write_gradient(T* row, const CrossEntropyRows<T>& r, float largest, const RowGradient& g) {
  const bool weighted = r.class_weights && g.everywhere != 0;
  for (std::int64_t c = Rows::rank() * width; c < r.classes; c += Rows::size * width) {
    float values[width], weights[width];
    load(values, row + c);
    for (int i = 0; i < width; ++i) weights[i] = 1.0f;
    if (weighted) load(weights, r.class_weights + c);
    for (int i = 0; i < width; ++i) values[i] = expf(values[i] - largest) * g.factor - weights[i] * g.everywhere;
    store(row + c, values);
    if (g.target >= c && g.target < c + width) row[g.target] = rounded<T>(g.target_gradient);
  }
}

// loss = sum of q (log_total - (x - largest)), q = w ((1 - s) one-hot + s / V) with the class weights w. A target
// outside the classes has no loss that means anything: NaN, which the step's norm shows, and no memory beyond the row
// is touched.
template <class T, int warps, int width>
__global__ void __launch_bounds__(Team<warps>::threads, 1) cross_entropy_kernel(CrossEntropyRows<T> r) {
  using Rows = Team<warps>;
  const float smoothing = r.label_smoothing, share = 1.0f / static_cast<float>(r.classes);
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
    const auto [peak, weighted] = sums_of<Rows, width>(row, r, pivot);
    const float log_total = logf(peak.total), sharp = (1.0f - smoothing) * weight;
    float loss = sharp * (log_total - (logit - peak.largest)), spread = 0;
    if (smoothing != 0) {
      const float uniform = weighted.second * (log_total + (peak.largest - pivot)) - weighted.first;
      loss += smoothing * (uniform * share);
      spread = smoothing * (weighted.second * share);
    }
    if (Rows::rank() == 0) {
      r.losses[at] = loss;
      r.weights[at] = weight;
    }
    if (!r.gradient) continue;
    __syncwarp();  // every lane has read the target's logit before one of them writes over it
    const float scale = known ? r.gradient_scale : logit, everywhere = scale * smoothing * share;
    const float p = expf(logit - peak.largest) / peak.total;
    write_gradient<Rows, width>(row, r, peak.largest,
                                {.factor = scale * (sharp + spread) / peak.total,
                                 .everywhere = everywhere,
                                 .target = target,
                                 .target_gradient = scale * (sharp * (p - 1.0f) + spread * p) - everywhere * weight});
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
    const bool aligned = rows_aligned(classes, width, {place_of(work.logits)}) &&
                         rows_aligned(classes, widest<float>, {place_of(work.class_weights)});
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
