// The functions of the table in level.h, for the level being compiled.
#pragma once

#include "runtime/kernels/cpu/level.h"

namespace trireme::cpu::TRIREME_LEVEL {

void fill(Array y, float value, Range elements);
void cast(Array y, Array x, Range elements);
void activate(Array y, Array x, Activation activation, Range elements);
void activate_grad(Array dx, Array dy, Array x, Activation activation, Range elements);
void activate_grad_sums(Array dx, Array dy, Array x, Activation activation, std::int64_t columns, float* sums,
                        Range rows);
void gate(Array y, Array x, Activation activation, std::int64_t columns, Range rows);
void gate_grad(Array dx, Array dy, Array x, Activation activation, std::int64_t columns, Range rows);
void binary(Array y, Array a, Array b, Binary op, Range elements);
void binary_rows(Array y, Array a, Array b, Binary op, std::int64_t columns, Range rows);
void scale(Array y, Array x, float factor, Range elements);
void axpy(Array y, Array x, float factor, Range elements);
void dropout(Array y, Array x, const Dropout& how, Range elements);

void to_eight_bits(Array y, Array x, const ToEightBits& how, Range elements);

double sum(Array x, Range elements);
float largest_magnitude(Array x, Range elements);
double sum_squares(Array x, Range elements);
void column_sums(Array x, std::int64_t columns, float* sums, Range rows);
void argmax(std::int32_t* y, Array x, std::int64_t columns, Range rows);

void pack_left(float* to, const Operand& a, float factor);
void pack_right(float* to, const Operand& b, Range panels);
void multiply_packed(const PackedProduct& product);
void unpack(float* to, Array from, std::int64_t offset, std::int64_t stride, std::int64_t rows, std::int64_t columns);
void gemm_epilogue(const GemmEpilogue& block, std::int64_t rows, std::int64_t columns);

void norm(const NormForward& norm, Range rows);
void norm_grad(const NormBackward& norm, Range rows);
void softmax(Array y, Array x, std::int64_t columns, bool log, Range rows);
void softmax_grad(Array dx, Array dy, Array y, std::int64_t columns, bool log, Range rows);

void rotate(const RotateRows& rows, Range range);

void cross_entropy(const CrossEntropyRows& rows, Range range);
void class_stats(const ClassStatsRows& rows, Range range);
double pointwise_loss(Array dx, Array x, Array target, PointwiseLoss loss, Range elements);

void update(const UpdateArrays& arrays, const Update& how, Range elements);
void random(Array y, const RandomFill& how, Range elements);

void attention(const AttentionForward& head);
void attention_grad(const AttentionBackward& heads);
void attention_few(const AttentionForward& head);

void recurrent_step(const RecurrentStep& step, std::int64_t first);
void recurrent_step_grad(const RecurrentStep& step, std::int64_t first);
void recurrent_begin_grad(const RecurrentStep& step, std::int64_t first);

}  // namespace trireme::cpu::TRIREME_LEVEL
