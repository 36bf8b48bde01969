// The class behind make_cpu_kernels(); each group of kernels is defined in the file of its name. A method cuts its work
// into ranges, by shape alone, and lets the threads call the vector loops of a level on them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/kernels/cpu/level.h"
#include "runtime/kernels/cpu/scratch.h"
#include "runtime/kernels/cpu/thread_pool.h"
#include "runtime/kernels/kernels.h"

namespace trireme::cpu {

struct ImageLevel;  // image_level.h

class CpuKernels final : public Kernels {
 public:
  CpuKernels(int threads, const Level& level, const ImageLevel& images);
  ~CpuKernels() override;
  std::string_view name() const noexcept override { return "cpu"; }
  ImageKernels& images() override { return *images_; }
  RecurrentKernels& recurrent() override { return *recurrent_; }

  void fill(Tensor& y, float value) override;
  void cast(Tensor& y, const Tensor& x) override;
  void random(Tensor& y, const RandomFill& how) override;

  void activate(Tensor& y, const Tensor& x, Activation activation) override;
  void activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation, Tensor* dbias,
                     bool accumulate) override;
  void gate(Tensor& y, const Tensor& x, Activation activation) override;
  void gate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation) override;
  void binary(Tensor& y, const Tensor& a, const Tensor& b, Binary op) override;
  void scale(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) override;
  void axpy(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) override;
  void dropout(Tensor& y, const Tensor& x, const Dropout& how) override;

  void sum(Tensor& y, const Tensor& x) override;
  void sum_squares(Tensor& y, const Tensor& x) override;
  void column_sum(Tensor& y, const Tensor& x, bool accumulate) override;
  void argmax(Tensor& y, const Tensor& x) override;

  void gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) override;

  void layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                  const Tensor& weight, const Tensor& bias, float epsilon) override;
  void layer_norm_grad(Tensor& dx, Tensor& dweight, Tensor& dbias, const Tensor& dy, const Tensor& x,
                       const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor* add,
                       bool accumulate) override;
  void rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum, const Tensor& weight,
                float epsilon) override;
  void rms_norm_grad(Tensor& dx, Tensor& dweight, const Tensor& dy, const Tensor& x, const Tensor& rstd,
                     const Tensor& weight, const Tensor* add, bool accumulate) override;
  void softmax(Tensor& y, const Tensor& x, bool log) override;
  void softmax_grad(Tensor& dx, const Tensor& dy, const Tensor& y, bool log) override;

  void rotate(Tensor& y, const Tensor& x, const Rotation& how) override;
  void attention(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) override;
  void attention_grad(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor& out, const Tensor& lse,
                      const Attention& how) override;
  void attention_cached(Tensor& out, Tensor& cache, const Tensor& qkv, std::int64_t position,
                        const Attention& how) override;

  void embedding(Tensor& y, const Tensor& ids, const Tensor& table, const Tensor* positions,
                 std::int64_t first_position) override;
  void embedding_grad(Tensor& dtable, Tensor* dpositions, const Tensor& dy, const Tensor& ids, bool accumulate_table,
                      bool accumulate_positions) override;
  void embedding_part(Tensor& y, const Tensor& ids, const Tensor& table, std::int64_t first) override;
  void embedding_part_grad(Tensor& dtable, const Tensor& dy, const Tensor& ids, std::int64_t first,
                           bool accumulate) override;

  void cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                     const CrossEntropy& how) override;
  void class_stats(Tensor& stats, const Tensor& logits, const Tensor& targets, std::int64_t first_class) override;
  void cross_entropy_part(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets, const Tensor& stats,
                          const CrossEntropy& how) override;
  void pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target, PointwiseLoss loss) override;

  void update(Tensor& weights, Tensor* compute, Tensor* moment1, Tensor* moment2, const Tensor& gradient,
              const Update& how) override;
  void conclude_step(Tensor& state, const Tensor& square, const StepRule& rule) override;

 private:
  // work(Range) over [0, count) where results do not depend on the cuts; `cost` is the elements of one item.
  template <class Work>
  void for_range(std::int64_t count, std::int64_t cost, Work&& work) {
    const std::int64_t grain = std::max<std::int64_t>(1, grain_elements / std::max<std::int64_t>(1, cost));
    if (pool_.threads() == 1 || count <= grain) {
      if (count > 0) work(Range{0, count});
      return;
    }
    pool_.run((count + grain - 1) / grain, [&](std::int64_t i) {
      work(Range{i * grain, std::min(count, (i + 1) * grain)});
    });
  }
  // work(how, element, Range) over ranges of runs that draw consecutive numbers: range and how.first count from
  // `element`.
  template <class How, class Work>
  void for_runs(std::int64_t count, const How& how, Work&& work);
  // Column sums over rows: work(partial sums, Range of rows) adds to or overwrites `width` floats that start at zero;
  // the partial sums are then added in the order of the rows.
  template <class Work>
  void sum_over_rows(std::int64_t rows, std::int64_t width, float* total, bool accumulate, Work&& work);
  // The sum of part(Range) over ranges of [0, count), added in their order.
  template <class Part>
  double sum_of_parts(std::int64_t count, Part&& part);

  // gemm() of factors rounded to 8 bits.
  void gemm_in_eight_bits(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how);
  // The numbers of `x` that 8 bits hold, of x's dtype, in working memory that `place` lends.
  Tensor in_eight_bits(const Tensor& x, EightBits format, const Scratch::Lease& place);
  void multiply_packed_blocks(Tensor& c, const Tensor& a, const Tensor& b, const float* bias, const Gemm& how);

  static constexpr std::int64_t grain_elements = 1 << 14;

  const Level& level_;
  ThreadPool pool_;
  Scratch scratch_;
  std::unique_ptr<ImageKernels> images_;
  std::unique_ptr<RecurrentKernels> recurrent_;
};

inline Array array_of(const Tensor& x) {
  return {x.raw(), x.dtype()};
}
inline Array array_of(const Tensor* x) {
  return x ? array_of(*x) : Array{};
}
inline float* floats_of(const Tensor* x) {
  return x ? x->data<float>() : nullptr;
}

// The last size, and the product of the others.
inline std::int64_t columns_of(const Tensor& x) {
  return x.shape().dims() == 0 ? 1 : x.size(-1);
}
inline std::int64_t rows_of(const Tensor& x) {
  const std::int64_t columns = columns_of(x);
  return columns == 0 ? 0 : x.numel() / columns;
}

// A vector of any storage as fp32: itself, or a copy on loan.
class AsFloats {
 public:
  AsFloats(const Tensor* x, const Level& level, Scratch& scratch)
      : copy_(scratch.take(x && x->dtype() != DType::f32 ? x->numel() : 0)) {
    if (!x) return;
    if (x->dtype() == DType::f32) {
      data_ = x->data<float>();
      return;
    }
    level.cast({copy_.data(), DType::f32}, array_of(*x), {0, x->numel()});
    data_ = copy_.data();
  }
  const float* data() const { return data_; }

 private:
  Scratch::Lease copy_;
  const float* data_ = nullptr;
};

template <class How, class Work>
void CpuKernels::for_runs(std::int64_t count, const How& how, Work&& work) {
  constexpr std::int64_t cost = 4;
  if (how.runs.length == 0) {
    for_range(count, cost, [&](Range range) { work(how, std::int64_t{0}, range); });
    return;
  }
  const std::int64_t length = how.runs.length;
  for_range((count + length - 1) / length, cost * length, [&](Range runs) {
    for (std::int64_t i = runs.begin; i < runs.end; ++i) {
      How run = how;
      run.first += i * how.runs.stride;
      run.runs = {};
      work(run, i * length, Range{0, std::min(length, count - i * length)});
    }
  });
}

template <class Work>
void CpuKernels::sum_over_rows(std::int64_t rows, std::int64_t width, float* total, bool accumulate, Work&& work) {
  constexpr std::int64_t least = 64, most_parts = 32;
  const std::int64_t height = std::max(least, (rows + most_parts - 1) / most_parts);
  const std::int64_t parts = (rows + height - 1) / height;
  const Scratch::Lease partial = scratch_.take(parts * width);
  pool_.run(parts, [&](std::int64_t i) {
    float* sums = partial.data() + i * width;
    level_.fill({sums, DType::f32}, 0.0f, {0, width});
    work(sums, Range{i * height, std::min(rows, (i + 1) * height)});
  });
  for_range(width, parts, [&](Range columns) {
    for (std::int64_t c = columns.begin; c < columns.end; ++c) {
      float sum = accumulate ? total[c] : 0.0f;
      for (std::int64_t i = 0; i < parts; ++i) sum += partial.data()[i * width + c];
      total[c] = sum;
    }
  });
}

template <class Part>
double CpuKernels::sum_of_parts(std::int64_t count, Part&& part) {
  const std::int64_t parts = (count + grain_elements - 1) / grain_elements;
  const Scratch::Lease lease = scratch_.take(2 * parts);
  auto* sums = reinterpret_cast<double*>(lease.data());
  pool_.run(parts, [&](std::int64_t i) {
    sums[i] = part(Range{i * grain_elements, std::min(count, (i + 1) * grain_elements)});
  });
  double total = 0;
  for (std::int64_t i = 0; i < parts; ++i) total += sums[i];
  return total;
}

}  // namespace trireme::cpu
