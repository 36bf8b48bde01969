// Kernels that compute nothing and count what the real ones would do: FLOPs of matrix products and bytes moved.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "runtime/kernels/kernels.h"

namespace trireme {

struct OperationCount {
  std::int64_t calls = 0;
  double matrix_flops = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
};

// Rules of counting:
//  - a product (M, K) (K, N) is 2 M N K FLOPs;
//  - attention counts the full T x T square even where causal: 4 B H T T D forward and twice that backward, so that
//    figures agree with the usual formula of a GPT's step; everything else counts no matrix FLOPs;
//  - every input element is read once and every output element written once: what a fused, blocked kernel moves.
struct Counts {
  double matrix_flops = 0;
  std::int64_t bytes = 0;                              // read and written
  std::map<std::string, OperationCount> by_operation;  // by the name of the kernel: "gemm", "layer_norm_grad", ...
};

// Touches no data: for tensors of the dry device, but any tensor will do.
class DryKernels final : public Kernels {
 public:
  std::string_view name() const noexcept override { return "dry"; }
  const Counts& counts() const noexcept { return counts_; }
  void reset() { counts_ = {}; }

  void fill(Tensor& y, float value) override;
  void cast(Tensor& y, const Tensor& x) override;
  void random(Tensor& y, const RandomFill& how) override;

  void activate(Tensor& y, const Tensor& x, Activation activation) override;
  void activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation, Tensor* dbias,
                     bool accumulate) override;
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
  // Null tensors count nothing.
  using Tensors = std::initializer_list<const Tensor*>;
  void count(const char* operation, Tensors read, Tensors written, double matrix_flops = 0);
  void count_bytes(const char* operation, std::int64_t read, std::int64_t written, double matrix_flops);

  Counts counts_;
};

}  // namespace trireme
