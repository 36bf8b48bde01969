// The reference's gradients against finite differences of its forward kernels, all in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "runtime/kernels/backend.h"
#include "tests/support/compare.h"
#include "tests/support/finite_difference.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {
namespace {

constexpr Tolerance tolerance{1e-7, 1e-9};

class ReferenceGradients : public ::testing::Test {
 protected:
  Tensor random(const Shape& shape, Range range = {}) {
    return random_tensor(*backend_.device, shape, DType::f64, ++seed_, range);
  }
  Tensor zeros(const Shape& shape) {
    return tensor_of(*backend_.device, Values(static_cast<std::size_t>(shape.numel())), shape, DType::f64);
  }
  Tensor ids(const std::vector<std::int32_t>& values) {
    return from_host<std::int32_t>(*backend_.device, values, {static_cast<std::int64_t>(values.size())});
  }
  Kernels& k() { return *backend_.kernels; }

  static double dot(const Tensor& x, const Tensor& y) {
    const Values left = values_of(x), right = values_of(y);
    double total = 0;
    for (std::size_t i = 0; i < left.size(); ++i) total += left[i] * right[i];
    return total;
  }

 private:
  Backend backend_ = make_backend("reference", 1);
  std::uint64_t seed_ = 100;
};

TEST_F(ReferenceGradients, Activations) {
  for (Activation activation : {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::gelu,
                                Activation::silu, Activation::sigmoid, Activation::tanh}) {
    Tensor x = random({3, 17}, {-3, 3}), dy = random({3, 17}), dx = zeros({3, 17}), y = zeros({3, 17});
    Tensor bias = zeros({17}), dbias = zeros({17}), sum = zeros({3, 17});
    k().activate_grad(dx, dy, x, activation, &dbias, false);
    const auto loss = [&] {  // of x + bias, to check dbias as well
      k().binary(sum, x, bias, Binary::add);
      k().activate(y, sum, activation);
      return dot(y, dy);
    };
    EXPECT_TRUE(close(values_of(dx), finite_difference(x, loss), tolerance)) << name_of(activation);
    EXPECT_TRUE(close(values_of(dbias), finite_difference(bias, loss), tolerance)) << name_of(activation);
  }
}

TEST_F(ReferenceGradients, GatedUnits) {
  for (Activation activation : {Activation::identity, Activation::gelu, Activation::silu, Activation::sigmoid}) {
    Tensor x = random({3, 18}, {-3, 3}), dy = random({3, 9}), dx = zeros({3, 18}), y = zeros({3, 9});
    k().gate_grad(dx, dy, x, activation);
    const Values numeric = finite_difference(x, [&] { return k().gate(y, x, activation), dot(y, dy); });
    EXPECT_TRUE(close(values_of(dx), numeric, tolerance)) << name_of(activation);
  }
}

TEST_F(ReferenceGradients, RotationTurnsBack) {
  trireme::Rotation how{.heads = 3, .base = 100.0f, .first = 5};
  Tensor x = random({2, 3, 4, 6}), dy = random({2, 3, 4, 6}), dx = zeros({2, 3, 4, 6}), y = zeros({2, 3, 4, 6});
  const Values numeric = finite_difference(x, [&] { return k().rotate(y, x, how), dot(y, dy); });
  how.inverse = true;
  k().rotate(dx, dy, how);
  EXPECT_TRUE(close(values_of(dx), numeric, tolerance));
}

TEST_F(ReferenceGradients, DropoutIsItsOwnGradient) {
  const Dropout how{.probability = 0.4f, .key = {1, 2}};
  Tensor x = random({65}), dy = random({65}), dx = zeros({65}), y = zeros({65});
  k().dropout(dx, dy, how);
  const Values numeric = finite_difference(x, [&] { return k().dropout(y, x, how), dot(y, dy); });
  EXPECT_TRUE(close(values_of(dx), numeric, tolerance));
}

TEST_F(ReferenceGradients, Products) {
  Tensor a = random({5, 7}), b = random({3, 7}), bias = random({3}), dc = random({5, 3}), c = zeros({5, 3});
  const auto loss = [&] { return k().gemm(c, a, b, {.transpose_b = true, .bias = &bias}), dot(c, dc); };
  Tensor da = zeros({5, 7}), db = zeros({3, 7}), dbias = zeros({3});
  k().gemm(da, dc, b, {});
  k().gemm(db, dc, a, {.transpose_a = true});
  k().column_sum(dbias, dc, false);
  EXPECT_TRUE(close(values_of(da), finite_difference(a, loss), tolerance));
  EXPECT_TRUE(close(values_of(db), finite_difference(b, loss), tolerance));
  EXPECT_TRUE(close(values_of(dbias), finite_difference(bias, loss), tolerance));
}

TEST_F(ReferenceGradients, LayerNorm) {
  constexpr float epsilon = 1e-3f;
  Tensor x = random({3, 9}), residual = random({3, 9}), weight = random({9}), bias = random({9}), dy = random({3, 9});
  Tensor y = zeros({3, 9}), sum = zeros({3, 9}), mean = zeros({3}), rstd = zeros({3}), dsum = random({3, 9});
  const auto loss = [&] {
    k().layer_norm(y, mean, rstd, x, &residual, &sum, weight, bias, epsilon);
    return dot(y, dy) + dot(sum, dsum);
  };
  loss();
  Tensor dx = zeros({3, 9}), dweight = zeros({9}), dbias = zeros({9});
  k().layer_norm_grad(dx, dweight, dbias, dy, sum, mean, rstd, weight, &dsum, false);
  EXPECT_TRUE(close(values_of(dx), finite_difference(x, loss), tolerance));
  EXPECT_TRUE(close(values_of(dx), finite_difference(residual, loss), tolerance));
  EXPECT_TRUE(close(values_of(dweight), finite_difference(weight, loss), tolerance));
  EXPECT_TRUE(close(values_of(dbias), finite_difference(bias, loss), tolerance));
}

TEST_F(ReferenceGradients, RmsNorm) {
  constexpr float epsilon = 1e-3f;
  Tensor x = random({3, 9}), residual = random({3, 9}), weight = random({9}), dy = random({3, 9});
  Tensor y = zeros({3, 9}), sum = zeros({3, 9}), rstd = zeros({3}), dsum = random({3, 9});
  const auto loss = [&] {
    k().rms_norm(y, rstd, x, &residual, &sum, weight, epsilon);
    return dot(y, dy) + dot(sum, dsum);
  };
  loss();
  Tensor dx = zeros({3, 9}), dweight = zeros({9});
  k().rms_norm_grad(dx, dweight, dy, sum, rstd, weight, &dsum, false);
  EXPECT_TRUE(close(values_of(dx), finite_difference(x, loss), tolerance));
  EXPECT_TRUE(close(values_of(dx), finite_difference(residual, loss), tolerance));
  EXPECT_TRUE(close(values_of(dweight), finite_difference(weight, loss), tolerance));
}

TEST_F(ReferenceGradients, Softmax) {
  for (bool log : {false, true}) {
    Tensor x = random({3, 9}, {-3, 3}), dy = random({3, 9}), y = zeros({3, 9}), dx = zeros({3, 9});
    const auto loss = [&] { return k().softmax(y, x, log), dot(y, dy); };
    loss();
    k().softmax_grad(dx, dy, y, log);
    EXPECT_TRUE(close(values_of(dx), finite_difference(x, loss), tolerance)) << log;
  }
}

TEST_F(ReferenceGradients, Attention) {
  for (bool causal : {true, false}) {
    for (float probability : {0.0f, 0.3f}) {
      const trireme::Attention how{.heads = 4,
                                   .kv_heads = 2,
                                   .causal = causal,
                                   .scale = 0.7f,
                                   .dropout = {.probability = probability, .key = {8, 9}, .first = 3}};
      Tensor qkv = random({2, 5, 8, 3}, {-2, 2}), dout = random({2, 5, 4, 3}), dqkv = zeros({2, 5, 8, 3});
      Tensor out = zeros({2, 5, 4, 3}), lse = zeros({2, 4, 5});
      const auto loss = [&] { return k().attention(out, lse, qkv, how), dot(out, dout); };
      loss();
      k().attention_grad(dqkv, dout, qkv, out, lse, how);
      EXPECT_TRUE(close(values_of(dqkv), finite_difference(qkv, loss), tolerance)) << causal << " " << probability;
    }
  }
}

TEST_F(ReferenceGradients, Embedding) {
  const Tensor which = ids({4, 0, 4, 2, 2, 2});
  Tensor table = random({5, 3}), positions = random({4, 3}), dy = random({6, 3}), y = zeros({6, 3});
  const auto loss = [&] { return k().embedding(y, which, table, &positions, 0), dot(y, dy); };
  Tensor dtable = zeros({5, 3}), dpositions = zeros({4, 3});
  k().embedding_grad(dtable, &dpositions, dy, which, false, false);
  EXPECT_TRUE(close(values_of(dtable), finite_difference(table, loss), tolerance));
  EXPECT_TRUE(close(values_of(dpositions), finite_difference(positions, loss), tolerance));
}

TEST_F(ReferenceGradients, CrossEntropy) {
  const Tensor targets = ids({3, 0, -1, 6});
  Tensor logits = random({4, 7}, {-3, 3}), class_weights = random({7}, {0.5, 2});
  Tensor losses = zeros({4}), weights = zeros({4}), copy = zeros({4, 7}),
         ones = tensor_of(logits.device(), Values(4, 1.0), {4}, DType::f64);
  CrossEntropy how{.class_weights = &class_weights, .label_smoothing = 0.2f, .gradient = false, .gradient_scale = 3};
  const auto loss = [&] {
    k().cast(copy, logits);
    k().cross_entropy(losses, weights, copy, targets, how);
    return 3 * dot(losses, ones);
  };
  const Values numeric = finite_difference(logits, loss);
  how.gradient = true;
  k().cross_entropy(losses, weights, logits, targets, how);
  EXPECT_TRUE(close(values_of(logits), numeric, tolerance));
}

TEST_F(ReferenceGradients, PointwiseLosses) {
  for (PointwiseLoss loss :
       {PointwiseLoss::mse, PointwiseLoss::mae, PointwiseLoss::bce_logits, PointwiseLoss::hinge, PointwiseLoss::kl}) {
    Tensor x = random({33}, {-3, 3}), target = random({33}, {0.1, 1}), total = zeros({}), dx = zeros({33});
    k().pointwise_loss(total, &dx, x, target, loss);
    const auto value = [&] { return k().pointwise_loss(total, nullptr, x, target, loss), values_of(total)[0]; };
    EXPECT_TRUE(close(values_of(dx), finite_difference(x, value, 1e-4), {1e-6, 1e-7})) << static_cast<int>(loss);
  }
}

}  // namespace
}  // namespace trireme::test
