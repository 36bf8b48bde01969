// The cpu's kernels of recurrent networks. The weight of the state is packed once for all steps; a step is one task for
// each block of units, which makes the block's sums and from them its cells.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "runtime/kernels/cpu/level.h"
#include "runtime/kernels/cpu/scratch.h"
#include "runtime/kernels/cpu/thread_pool.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::cpu {

class CpuRecurrent final : public RecurrentKernels {
 public:
  CpuRecurrent(const Level& level, ThreadPool& pool, Scratch& scratch)
      : level_(level), pool_(pool), scratch_(scratch) {}

  void run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) override;
  void run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy, const Tensor& y,
                const Tensor* cells, const Recurrence& how) override;
  void swap(Tensor& y, const Tensor& x) override;

 private:
  // Columns of a matrix with `columns` of them, filled up to whole blocks of units.
  static std::int64_t filled_up(std::int64_t columns) {
    return (columns + recurrent_block - 1) / recurrent_block * recurrent_block;
  }
  // `columns` columns of the weight (G H, H), or, transposed, of H of its rows from `row` on, as a right operand.
  void pack(float* to, const Tensor& weight, std::int64_t row, bool transposed);
  // step(first unit) for every block of units, each with working memory of its own.
  template <class Work>
  void for_blocks(const RecurrentStep& step, Work&& work) {
    const std::int64_t blocks = (step.units + recurrent_block - 1) / recurrent_block;
    pool_.run(blocks, [&](std::int64_t i) {
      const Scratch::Lease product = scratch_.take(gates_of(step.cell) * step.rows * recurrent_block);
      RecurrentStep mine = step;
      mine.product = product.data();
      work(mine, i * recurrent_block);
    });
  }

  const Level& level_;
  ThreadPool& pool_;
  Scratch& scratch_;
};

// Element `count` * index of an array of slices.
inline Array slice_of(const Tensor* x, std::int64_t index) {
  if (!x) return {};
  return {x->raw() + index * (x->bytes() / x->size(0)), x->dtype()};
}
inline float* floats_at(const Tensor* x, std::int64_t index) {
  return x ? x->data<float>() + index * (x->numel() / x->size(0)) : nullptr;
}

// A vector or matrix of any storage as fp32, or zeros where there is none.
class Wide {
 public:
  Wide(const Tensor* x, std::int64_t count, const Level& level, Scratch& scratch)
      : copy_(scratch.take(x && x->dtype() == DType::f32 ? 0 : count)) {
    if (x && x->dtype() == DType::f32) {
      data_ = x->data<float>();
      return;
    }
    data_ = copy_.data();
    if (x)
      level.cast({copy_.data(), DType::f32}, {x->raw(), x->dtype()}, {0, count});
    else
      level.fill({copy_.data(), DType::f32}, 0.0f, {0, count});
  }
  const float* data() const { return data_; }

 private:
  Scratch::Lease copy_;
  const float* data_ = nullptr;
};

// Two blocks of working memory that take turns.
class Turns {
 public:
  Turns(std::int64_t floats, Scratch& scratch) : first_(scratch.take(floats)), second_(scratch.take(floats)) {}
  float* at(std::int64_t place) const { return place % 2 == 0 ? first_.data() : second_.data(); }

 private:
  Scratch::Lease first_, second_;
};

}  // namespace trireme::cpu
