#include "runtime/kernels/dry/dry_kernels.h"

#include <algorithm>

namespace trireme {
namespace {

const Tensor* only_if(bool counts, const Tensor& tensor) {
  return counts ? &tensor : nullptr;
}

double as_double(std::int64_t count) {
  return static_cast<double>(count);
}

// FLOPs of the two products of a forward pass: B H queries x keys x D, twice.
double attention_flops(const Tensor& out, std::int64_t keys) {
  return 4.0 * as_double(out.numel()) * as_double(keys);
}

}  // namespace

void DryKernels::fill(Tensor& y, float) {
  count("fill", {}, {&y});
}
void DryKernels::cast(Tensor& y, const Tensor& x) {
  count("cast", {&x}, {&y});
}
void DryKernels::random(Tensor& y, const RandomFill&) {
  count("random", {}, {&y});
}

void DryKernels::activate(Tensor& y, const Tensor& x, Activation) {
  count("activate", {&x}, {&y});
}
void DryKernels::activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation, Tensor* dbias,
                               bool accumulate) {
  count("activate_grad", {&dy, &x, accumulate ? dbias : nullptr}, {&dx, dbias});
}
void DryKernels::gate(Tensor& y, const Tensor& x, Activation) {
  count("gate", {&x}, {&y});
}
void DryKernels::gate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation) {
  count("gate_grad", {&dy, &x}, {&dx});
}
void DryKernels::binary(Tensor& y, const Tensor& a, const Tensor& b, Binary) {
  count("binary", {&a, &b}, {&y});
}
void DryKernels::scale(Tensor& y, const Tensor& x, float, const Tensor* device_factor) {
  count("scale", {&x, device_factor}, {&y});
}
void DryKernels::axpy(Tensor& y, const Tensor& x, float, const Tensor* device_factor) {
  count("axpy", {&x, &y, device_factor}, {&y});
}
void DryKernels::dropout(Tensor& y, const Tensor& x, const Dropout&) {
  count("dropout", {&x}, {&y});
}

void DryKernels::sum(Tensor& y, const Tensor& x) {
  count("sum", {&x}, {&y});
}
void DryKernels::sum_squares(Tensor& y, const Tensor& x) {
  count("sum_squares", {&x}, {&y});
}
void DryKernels::column_sum(Tensor& y, const Tensor& x, bool accumulate) {
  count("column_sum", {&x, only_if(accumulate, y)}, {&y});
}
void DryKernels::argmax(Tensor& y, const Tensor& x) {
  count("argmax", {&x}, {&y});
}

void DryKernels::gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const std::int64_t columns = a.size(-1);  // K, or M of a stored transpose; any further dimensions count as rows
  const std::int64_t inner = !how.transpose_a ? columns : columns == 0 ? 0 : a.numel() / columns;
  const double flops = 2.0 * as_double(c.numel()) * as_double(inner);
  count("gemm", {&a, &b, how.bias, only_if(how.beta != 0, c)}, {&c, how.preactivation}, flops);
  if (how.a_format != EightBits::none) counter_.counts.eight_bit_flops += flops;
}

void DryKernels::layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                            const Tensor& weight, const Tensor& bias, float) {
  count("layer_norm", {&x, residual, &weight, &bias}, {&y, &mean, &rstd, residual == nullptr ? nullptr : sum});
}
void DryKernels::layer_norm_grad(Tensor& dx, Tensor& dweight, Tensor& dbias, const Tensor& dy, const Tensor& x,
                                 const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor* add,
                                 bool accumulate) {
  count("layer_norm_grad",
        {&dy, &x, &mean, &rstd, &weight, add, only_if(accumulate, dweight), only_if(accumulate, dbias)},
        {&dx, &dweight, &dbias});
}
void DryKernels::rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                          const Tensor& weight, float) {
  count("rms_norm", {&x, residual, &weight}, {&y, &rstd, residual == nullptr ? nullptr : sum});
}
void DryKernels::rms_norm_grad(Tensor& dx, Tensor& dweight, const Tensor& dy, const Tensor& x, const Tensor& rstd,
                               const Tensor& weight, const Tensor* add, bool accumulate) {
  count("rms_norm_grad", {&dy, &x, &rstd, &weight, add, only_if(accumulate, dweight)}, {&dx, &dweight});
}
void DryKernels::softmax(Tensor& y, const Tensor& x, bool) {
  count("softmax", {&x}, {&y});
}
void DryKernels::softmax_grad(Tensor& dx, const Tensor& dy, const Tensor& y, bool) {
  count("softmax_grad", {&dy, &y}, {&dx});
}

void DryKernels::rotate(Tensor& y, const Tensor& x, const Rotation&) {
  count("rotate", {&x}, {&y});
}
void DryKernels::attention(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention&) {
  count("attention", {&qkv}, {&out, &lse}, attention_flops(out, qkv.size(1)));
}
void DryKernels::attention_grad(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor& out,
                                const Tensor& lse, const Attention&) {
  count("attention_grad", {&dout, &qkv, &out, &lse}, {&dqkv}, 2 * attention_flops(out, qkv.size(1)));
}
void DryKernels::attention_cached(Tensor& out, Tensor& cache, const Tensor& qkv, std::int64_t position,
                                  const Attention&) {
  const std::int64_t row = cache.size(1) == 0 ? 0 : cache.bytes() / cache.size(1);  // one position of every sequence
  const std::int64_t added = qkv.size(1);
  count_bytes("attention_cached", qkv.bytes() + position * row, out.bytes() + added * row,
              attention_flops(out, position + added));
}

// A table is read, and its gradient written, in the rows that ids name; without `accumulate` all of it is cleared.
void DryKernels::embedding(Tensor& y, const Tensor& ids, const Tensor& table, const Tensor* positions, std::int64_t) {
  const std::int64_t gathered = y.numel() * size_of(table.dtype());
  const std::int64_t added = positions == nullptr ? 0 : std::min(positions->bytes(), gathered);
  count_bytes("embedding", ids.bytes() + gathered + added, y.bytes(), 0);
}
void DryKernels::embedding_grad(Tensor& dtable, Tensor* dpositions, const Tensor& dy, const Tensor& ids,
                                bool accumulate_table, bool accumulate_positions) {
  const std::int64_t scattered = dy.numel() * size_of(dtable.dtype());
  const std::int64_t places = dpositions == nullptr ? 0 : dpositions->bytes();
  count_bytes("embedding_grad", ids.bytes() + dy.bytes() + scattered + (accumulate_positions ? places : 0),
              scattered + (accumulate_table ? 0 : dtable.bytes()) + places, 0);
}

void DryKernels::embedding_part(Tensor& y, const Tensor& ids, const Tensor& table, std::int64_t) {
  count_bytes("embedding_part", ids.bytes() + y.numel() * size_of(table.dtype()), y.bytes(), 0);
}
void DryKernels::embedding_part_grad(Tensor& dtable, const Tensor& dy, const Tensor& ids, std::int64_t,
                                     bool accumulate) {
  const std::int64_t scattered = dy.numel() * size_of(dtable.dtype());
  count_bytes("embedding_part_grad", ids.bytes() + dy.bytes() + scattered,
              scattered + (accumulate ? 0 : dtable.bytes()), 0);
}

void DryKernels::cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                               const CrossEntropy& how) {
  count("cross_entropy", {&logits, &targets, how.class_weights}, {&losses, &weights, only_if(how.gradient, logits)});
}
void DryKernels::class_stats(Tensor& stats, const Tensor& logits, const Tensor& targets, std::int64_t) {
  count("class_stats", {&logits, &targets}, {&stats});
}
void DryKernels::cross_entropy_part(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                    const Tensor& stats, const CrossEntropy& how) {
  count("cross_entropy_part", {only_if(how.gradient, logits), &targets, &stats},
        {&losses, &weights, only_if(how.gradient, logits)});
}
void DryKernels::pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target, PointwiseLoss) {
  count("pointwise_loss", {&x, &target}, {&total, dx});
}

void DryKernels::update(Tensor& weights, Tensor* compute, Tensor* moment1, Tensor* moment2, const Tensor& gradient,
                        const Update&) {
  count("update", {&weights, moment1, moment2, &gradient}, {&weights, compute, moment1, moment2});
}
void DryKernels::conclude_step(Tensor& state, const Tensor& square, const StepRule&) {
  count("conclude_step", {&state, &square}, {&state});
}

}  // namespace trireme
