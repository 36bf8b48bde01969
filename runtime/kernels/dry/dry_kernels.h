// Kernels that compute nothing and count what the real ones would do: FLOPs of matrix products and bytes moved.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/kernels/dry/dry_images.h"
#include "runtime/kernels/dry/dry_recurrent.h"
#include "runtime/kernels/kernels.h"

namespace trireme {

// Touches no data: for tensors of the dry device, but any tensor will do.
class DryKernels final : public Kernels {
 public:
  std::string_view name() const noexcept override { return "dry"; }
  ImageKernels& images() override { return images_; }
  RecurrentKernels& recurrent() override { return recurrent_; }
  const Counts& counts() const noexcept { return counter_.counts; }
  void reset() { counter_.counts = {}; }

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
  using Tensors = DryCounter::Tensors;
  void count(const char* operation, Tensors read, Tensors written, double matrix_flops = 0) {
    counter_.count(operation, read, written, matrix_flops);
  }
  void count_bytes(const char* operation, std::int64_t read, std::int64_t written, double matrix_flops) {
    counter_.count_bytes(operation, read, written, matrix_flops);
  }

  DryCounter counter_;
  DryImages images_{counter_};
  DryRecurrent recurrent_{counter_};
};

}  // namespace trireme
