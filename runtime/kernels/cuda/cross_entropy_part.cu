// Softmax cross entropy of logits of which other ranks hold the other classes.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/peak.h"

namespace trireme::cuda {
namespace {

// What the others need to know of a row: the peak of its softmax, the target's logit, the sum of the logits.
template <class T, int warps, int width>
__global__ void __launch_bounds__(Team<warps>::threads)
    class_stats_kernel(float* stats, const T* logits, const std::int32_t* targets, std::int64_t rows,
                       std::int64_t columns, std::int64_t first) {
  using Rows = Team<warps>;
  for (std::int64_t at = Rows::first_row(); at < rows; at += Rows::row_stride()) {
    const T* row = logits + at * columns;
    const Peak peak = peak_of<Rows, width>(row, columns);
    float sum = 0;
    for (std::int64_t c = Rows::rank() * width; c < columns; c += Rows::size * width) {
      float values[width];
      load(values, row + c);
      for (int i = 0; i < width; ++i) sum += values[i];
    }
    sum = Rows::over(sum, Add{});
    if (Rows::rank() != 0) continue;
    const std::int64_t target = std::int64_t{targets[at]} - first;
    float* to = stats + at * class_numbers;
    to[0] = peak.largest;
    to[1] = peak.total;
    to[2] = target >= 0 && target < columns ? to_float(row[target]) : 0.0f;
    to[3] = sum;
  }
}

template <class T>
struct PartRows {
  float* losses;
  float* weights;
  T* logits;
  const std::int32_t* targets;
  const float* stats;  // (parts, rows, 4)
  std::int64_t rows, columns, parts, first, classes;
  float label_smoothing;
  std::int32_t ignore;
  bool gradient;
  float gradient_scale;
};

struct Whole {
  Peak peak;
  float logit, sum;
};

// Every thread puts the parts together in their order.
template <class T>
__device__ Whole whole_of(const PartRows<T>& r, std::int64_t at) {
  const auto part = [&](std::int64_t n) { return r.stats + (n * r.rows + at) * class_numbers; };
  Whole whole{{part(0)[0], 0.0f}, 0.0f, 0.0f};
  for (std::int64_t n = 1; n < r.parts; ++n) whole.peak.largest = fmaxf(whole.peak.largest, part(n)[0]);
  for (std::int64_t n = 0; n < r.parts; ++n) {
    whole.peak.total += part(n)[1] * expf(part(n)[0] - whole.peak.largest);
    whole.logit += part(n)[2];
    whole.sum += part(n)[3];
  }
  return whole;
}

// As cross_entropy_kernel, without class weights. A target outside the classes gives NaN.
template <class T, int warps, int width>
__global__ void __launch_bounds__(Team<warps>::threads) cross_entropy_part_kernel(PartRows<T> r) {
  using Rows = Team<warps>;
  const float smoothing = r.label_smoothing, share = 1.0f / static_cast<float>(r.classes);
  for (std::int64_t at = Rows::first_row(); at < r.rows; at += Rows::row_stride()) {
    T* row = r.logits + at * r.columns;
    const std::int32_t wanted = r.targets[at];
    const bool counts = wanted != r.ignore;
    const bool known = wanted >= 0 && wanted < r.classes;
    const Whole whole = whole_of(r, at);
    const float log_total = logf(whole.peak.total), largest = whole.peak.largest;
    const float scale = counts ? (known ? r.gradient_scale : nanf("")) : 0.0f;
    if (Rows::rank() == 0) {
      const float sharp = log_total - (whole.logit - largest), uniform = log_total - (whole.sum * share - largest);
      const float loss = known ? (1.0f - smoothing) * sharp + smoothing * uniform : nanf("");
      r.losses[at] = counts ? loss : 0.0f;
      r.weights[at] = counts ? 1.0f : 0.0f;
    }
    if (!r.gradient) continue;
    const float factor = scale / whole.peak.total, everywhere = scale * smoothing * share;
    const std::int64_t target = std::int64_t{wanted} - r.first;
    const float p = expf(whole.logit - largest) / whole.peak.total;
    const float target_gradient = scale * (p - (1.0f - smoothing)) - everywhere;
    for (std::int64_t c = Rows::rank() * width; c < r.columns; c += Rows::size * width) {
      float values[width];
      load(values, row + c);
      for (int i = 0; i < width; ++i) {
        values[i] = counts ? expf(values[i] - largest) * factor - everywhere : 0.0f;
        if (counts && c + i == target) values[i] = target_gradient;
      }
      store(row + c, values);
    }
  }
}

// run(Team<warps>{}, blocks per multiprocessor) with as many threads as a row keeps busy.
template <class Run>
void with_team(std::int64_t columns, Run&& run) {
  if (columns <= 256) return run(Team<1>{}, 16);
  if (columns <= 4096) return run(Team<8>{}, 8);
  run(Team<32>{}, 2);
}

}  // namespace

void CudaKernels::class_stats(Tensor& stats, const Tensor& logits, const Tensor& targets, std::int64_t first_class) {
  const std::int64_t columns = columns_of(logits), rows = rows_of(logits);
  if (rows == 0) return;
  visit_compute_type("class_stats", logits.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const bool aligned = rows_aligned(columns, width, {place_of(logits.data<T>())});
    with_team(columns, [&]<int warps>(Team<warps> team, int blocks_per_multiprocessor) {
      const auto kernel = aligned ? class_stats_kernel<T, warps, width> : class_stats_kernel<T, warps, 1>;
      launch(stream_, team.grid(rows, multiprocessors(), blocks_per_multiprocessor), kernel, stats.data<float>(),
             logits.data<T>(), targets.data<std::int32_t>(), rows, columns, first_class);
    });
  });
}

void CudaKernels::cross_entropy_part(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                     const Tensor& stats, const CrossEntropy& how) {
  const std::int64_t columns = columns_of(logits), rows = rows_of(logits);
  if (rows == 0) return;
  visit_compute_type("cross_entropy_part", logits.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const PartRows<T> work{.losses = losses.data<float>(),
                           .weights = weights.data<float>(),
                           .logits = logits.data<T>(),
                           .targets = targets.data<std::int32_t>(),
                           .stats = stats.data<float>(),
                           .rows = rows,
                           .columns = columns,
                           .parts = stats.size(0),
                           .first = how.first_class,
                           .classes = how.classes,
                           .label_smoothing = how.label_smoothing,
                           .ignore = how.ignore,
                           .gradient = how.gradient,
                           .gradient_scale = how.gradient_scale};
    const bool aligned = rows_aligned(columns, width, {place_of(work.logits)});
    with_team(columns, [&]<int warps>(Team<warps> team, int blocks_per_multiprocessor) {
      const auto kernel = aligned ? cross_entropy_part_kernel<T, warps, width> : cross_entropy_part_kernel<T, warps, 1>;
      launch(stream_, team.grid(rows, multiprocessors(), blocks_per_multiprocessor), kernel, work);
    });
  });
}

}  // namespace trireme::cuda
