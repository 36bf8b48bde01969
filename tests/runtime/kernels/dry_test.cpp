#include "runtime/kernels/dry/dry_kernels.h"

#include <gtest/gtest.h>

#include "runtime/kernels/backend.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::test {
namespace {

class Dry : public ::testing::Test {
 protected:
  Tensor tensor(const Shape& shape, DType dtype = DType::f32) { return empty(*backend_.device, shape, dtype); }
  DryKernels& k() { return dynamic_cast<DryKernels&>(*backend_.kernels); }
  OperationCount of(const std::string& operation) { return k().counts().by_operation.at(operation); }

 private:
  Backend backend_ = make_backend("dry", 1);
};

TEST_F(Dry, CountsAMatrixProduct) {
  Tensor c = tensor({3, 5}), a = tensor({3, 7}), at = tensor({7, 3}), b = tensor({7, 5}), bt = tensor({5, 7});
  k().gemm(c, a, b, {});
  EXPECT_EQ(k().counts().matrix_flops, 2 * 3 * 5 * 7);
  EXPECT_EQ(k().counts().bytes, 4 * (3 * 7 + 7 * 5 + 3 * 5));
  EXPECT_EQ(of("gemm").bytes_written, 4 * 3 * 5);
  k().gemm(c, at, bt, {.transpose_a = true, .transpose_b = true, .beta = 1});
  EXPECT_EQ(k().counts().matrix_flops, 2 * 2 * 3 * 5 * 7);
  EXPECT_EQ(k().counts().bytes, 2 * 4 * (3 * 7 + 7 * 5 + 3 * 5) + 4 * 3 * 5);  // beta reads c
  EXPECT_EQ(of("gemm").calls, 2);
  Tensor c16 = tensor({3, 5}, DType::f32), a16 = tensor({3, 7}, DType::bf16), b16 = tensor({7, 5}, DType::bf16);
  Tensor bias = tensor({5}, DType::bf16), before = tensor({3, 5}, DType::bf16);
  k().reset();
  k().gemm(c16, a16, b16, {.bias = &bias, .preactivation = &before});
  EXPECT_EQ(of("gemm").bytes_read, 2 * (3 * 7 + 7 * 5 + 5));
  EXPECT_EQ(of("gemm").bytes_written, 4 * 3 * 5 + 2 * 3 * 5);
}

TEST_F(Dry, ResetForgetsEverything) {
  Tensor y = tensor({3});
  k().fill(y, 0);
  k().reset();
  EXPECT_EQ(k().counts().bytes, 0);
  EXPECT_EQ(k().counts().matrix_flops, 0);
  EXPECT_TRUE(k().counts().by_operation.empty());
}

TEST_F(Dry, AttentionCountsTheFullSquare) {
  Tensor qkv = tensor({2, 7, 8, 3}), out = tensor({2, 7, 4, 3}), lse = tensor({2, 4, 7}), dqkv = tensor({2, 7, 8, 3});
  const trireme::Attention how{.heads = 4, .kv_heads = 2};
  k().attention(out, lse, qkv, how);
  EXPECT_EQ(k().counts().matrix_flops, 4 * 2 * 4 * 7 * 7 * 3);
  EXPECT_EQ(k().counts().bytes, qkv.bytes() + out.bytes() + lse.bytes());
  k().attention_grad(dqkv, out, qkv, out, lse, how);
  EXPECT_EQ(k().counts().matrix_flops, 3 * 4 * 2 * 4 * 7 * 7 * 3);
  k().reset();
  Tensor cache = tensor({2, 20, 4, 3}), piece = tensor({2, 5, 8, 3}), some = tensor({2, 5, 4, 3});
  k().attention_cached(some, cache, piece, 6, how);
  EXPECT_EQ(k().counts().matrix_flops, 4 * 2 * 4 * 5 * 11 * 3);
  EXPECT_EQ(of("attention_cached").bytes_read, piece.bytes() + 4 * 2 * 6 * 4 * 3);
  EXPECT_EQ(of("attention_cached").bytes_written, some.bytes() + 4 * 2 * 5 * 4 * 3);
}

// The matrix products of a GPT's step, as models order them.
TEST_F(Dry, AGptStepAgreesWithItsFormula) {
  constexpr std::int64_t B = 2, T = 16, C = 24, H = 3, L = 5, V = 100;
  const auto linear = [&](std::int64_t in, std::int64_t out) {  // forward, and both gradients
    Tensor x = tensor({B * T, in}), weight = tensor({out, in}), y = tensor({B * T, out});
    k().gemm(y, x, weight, {.transpose_b = true});
    k().gemm(x, y, weight, {});
    k().gemm(weight, y, x, {.transpose_a = true});
  };
  for (std::int64_t layer = 0; layer < L; ++layer) {
    Tensor qkv = tensor({B, T, 3 * H, C / H}), out = tensor({B, T, H, C / H}), lse = tensor({B, H, T});
    linear(C, 3 * C);
    k().attention(out, lse, qkv, {.heads = H, .kv_heads = H});
    k().attention_grad(qkv, out, qkv, out, lse, {.heads = H, .kv_heads = H});
    linear(C, C);
    linear(C, 4 * C);
    linear(4 * C, C);
  }
  linear(C, V);
  EXPECT_EQ(k().counts().matrix_flops, 6 * B * T * (12 * L * C * C + V * C) + 12 * L * B * T * T * C);
}

TEST_F(Dry, RecurrentStepsCountTheirProducts) {
  Tensor gates = tensor({5, 3, 4 * 7}), y = tensor({5, 3, 7}), cells = tensor({5, 3, 7}), weight = tensor({4 * 7, 7});
  Tensor state = tensor({3, 7}), cell = tensor({3, 7});
  const Recurrence how{.weight = &weight, .state = &state};
  k().recurrent().run(y, gates, &cells, how);
  EXPECT_EQ(k().counts().matrix_flops, 2 * 5 * 3 * 28 * 7);
  EXPECT_EQ(of("recurrent").bytes_read, 4 * (5 * 3 * 28 + 28 * 7 + 3 * 7));
  EXPECT_EQ(of("recurrent").bytes_written, 4 * (5 * 3 * 28 + 2 * 5 * 3 * 7));
  k().recurrent().run_grad(gates, nullptr, state, &cell, &y, y, &cells, how);
  EXPECT_EQ(k().counts().matrix_flops, 2 * 2 * 5 * 3 * 28 * 7);
}

TEST_F(Dry, EmbeddingCountsTheRowsItTouches) {
  Tensor y = tensor({6, 8}), ids = tensor({6}, DType::i32), table = tensor({1000, 8}), positions = tensor({3, 8});
  k().embedding(y, ids, table, &positions, 0);
  EXPECT_EQ(of("embedding").bytes_read, 4 * 6 + 4 * 6 * 8 + 4 * 3 * 8);
  EXPECT_EQ(of("embedding").bytes_written, 4 * 6 * 8);
  k().embedding_grad(table, nullptr, y, ids, true, false);
  EXPECT_EQ(of("embedding_grad").bytes_written, 4 * 6 * 8);
  k().embedding_grad(table, nullptr, y, ids, false, false);
  EXPECT_EQ(of("embedding_grad").bytes_written, 2 * 4 * 6 * 8 + 4 * 1000 * 8);
}

// Every kernel, on tensors without memory: a touch would be a null pointer's.
TEST_F(Dry, TouchesNothingAndCountsEveryKernel) {
  Tensor x = tensor({3, 8}), y = tensor({3, 8}), row = tensor({8}), scalar = tensor({}), three = tensor({3});
  Tensor ids = tensor({3}, DType::i32), wide = tensor({}, DType::f64);
  Tensor qkv = tensor({1, 3, 3, 8}), out = tensor({1, 3, 1, 8}), lse = tensor({1, 1, 3}), cache = tensor({1, 9, 2, 8});
  k().fill(y, 1);
  k().cast(y, x);
  k().random(y, {});
  k().activate(y, x, Activation::gelu);
  k().activate_grad(y, y, x, Activation::gelu, &row, true);
  k().gate(three, ids, Activation::silu);
  k().gate_grad(ids, three, ids, Activation::silu);
  k().binary(y, x, row, Binary::add);
  k().scale(y, x, 2, &scalar);
  k().axpy(y, x, 2, nullptr);
  k().dropout(y, x, {});
  k().sum(scalar, x);
  k().sum_squares(wide, x);
  k().column_sum(row, x, true);
  k().argmax(ids, x);
  k().gemm(y, x, tensor({8, 8}), {});
  k().layer_norm(y, three, three, x, &x, &y, row, row, 1e-5f);
  k().layer_norm_grad(y, row, row, x, x, three, three, row, &x, true);
  k().rms_norm(y, three, x, nullptr, nullptr, row, 1e-5f);
  k().rms_norm_grad(y, row, x, x, three, row, nullptr, false);
  k().softmax(y, x, true);
  k().softmax_grad(y, x, x, true);
  k().rotate(qkv, qkv, {.heads = 2});
  k().attention(out, lse, qkv, {});
  k().attention_grad(qkv, out, qkv, out, lse, {});
  k().attention_cached(out, cache, qkv, 2, {});
  k().embedding(y, ids, x, nullptr, 0);
  k().embedding_grad(x, &y, y, ids, false, true);
  k().cross_entropy(three, three, x, ids, {});
  k().pointwise_loss(scalar, &y, x, x, PointwiseLoss::mse);
  k().update(x, nullptr, nullptr, nullptr, x, {});
  EXPECT_EQ(k().counts().by_operation.size(), 31u);
  std::int64_t bytes = 0;
  double flops = 0;
  for (const auto& [name, count] : k().counts().by_operation) {
    EXPECT_EQ(count.calls, 1) << name;
    EXPECT_GT(count.bytes_written, 0) << name;
    bytes += count.bytes_read + count.bytes_written;
    flops += count.matrix_flops;
  }
  EXPECT_EQ(bytes, k().counts().bytes);
  EXPECT_EQ(flops, k().counts().matrix_flops);
}

}  // namespace
}  // namespace trireme::test
