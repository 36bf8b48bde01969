// The reference itself against values that can be had without it: by hand, or from the definition.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/base/error.h"
#include "runtime/kernels/backend.h"
#include "tests/support/compare.h"

namespace trireme::test {
namespace {

constexpr Tolerance exact_enough{1e-12, 1e-12};

class KnownValues : public ::testing::Test {
 protected:
  Tensor tensor(const Values& values, const Shape& shape) {
    return tensor_of(*backend_.device, values, shape, DType::f64);
  }
  Tensor zeros(const Shape& shape) { return tensor(Values(static_cast<std::size_t>(shape.numel())), shape); }
  Tensor ids(const std::vector<std::int32_t>& values) {
    return from_host<std::int32_t>(*backend_.device, values, {static_cast<std::int64_t>(values.size())});
  }
  Kernels& k() { return *backend_.kernels; }

 private:
  Backend backend_ = make_backend("reference", 1);
};

TEST_F(KnownValues, Activations) {
  struct Known {
    Activation activation;
    double x, y;
  };
  const Known table[] = {{Activation::identity, -2, -2},
                         {Activation::relu, -2, 0},
                         {Activation::relu, 3, 3},
                         {Activation::leaky_relu, -2, -2 * double{leaky_slope}},
                         {Activation::leaky_relu, 3, 3},
                         {Activation::gelu, 1, 0.8411919906082768},
                         {Activation::gelu, -1, -0.15880800939172324},
                         {Activation::gelu, 3, 2.996362607918227},
                         {Activation::silu, 1, 0.7310585786300049},
                         {Activation::silu, -1, -0.2689414213699951},
                         {Activation::sigmoid, 2, 0.8807970779778823},
                         {Activation::tanh, 0.5, 0.46211715726000973}};
  for (const Known& known : table) {
    Tensor y = zeros({1});
    k().activate(y, tensor({known.x}, {1}), known.activation);
    EXPECT_NEAR(values_of(y)[0], known.y, 1e-12) << name_of(known.activation) << " of " << known.x;
  }
}

TEST_F(KnownValues, MatrixProductByHand) {
  const Tensor a = tensor({1, 2, 3, 4, 5, 6}, {2, 3}), at = tensor({1, 4, 2, 5, 3, 6}, {3, 2});
  const Tensor b = tensor({1, 0, 2, 1, 0, 3}, {3, 2}), bt = tensor({1, 2, 0, 0, 1, 3}, {2, 3});
  const Tensor bias = tensor({100, -100}, {2});
  Tensor c = zeros({2, 2}), before = zeros({2, 2});
  k().gemm(c, a, b, {});
  EXPECT_EQ(values_of(c), (Values{5, 11, 14, 23}));
  k().gemm(c, at, bt, {.transpose_a = true, .transpose_b = true, .alpha = 2, .beta = -1});
  EXPECT_EQ(values_of(c), (Values{5, 11, 14, 23}));  // 2 c - c
  k().gemm(c, a, b, {.alpha = 0.5f, .beta = 2, .bias = &bias});
  EXPECT_EQ(values_of(c), (Values{112.5, -72.5, 135, -42.5}));
  k().gemm(c, a, bt, {.transpose_b = true, .bias = &bias, .activation = Activation::relu, .preactivation = &before});
  EXPECT_EQ(values_of(before), (Values{105, -89, 114, -77}));
  EXPECT_EQ(values_of(c), (Values{105, 0, 114, 0}));
}

TEST_F(KnownValues, Normalisation) {
  const Tensor x = tensor({1, 2, 3, 6}, {1, 4}), weight = tensor({1, 2, 1, 1}, {4}), bias = tensor({0, 0, 5, 0}, {4});
  Tensor y = zeros({1, 4}), mean = zeros({1}), rstd = zeros({1});
  k().layer_norm(y, mean, rstd, x, nullptr, nullptr, weight, bias, 0);
  const double deviation = std::sqrt(3.5);  // mean 3, squared distances 4 + 1 + 0 + 9
  EXPECT_TRUE(close(values_of(mean), {3}, exact_enough));
  EXPECT_TRUE(close(values_of(rstd), {1 / deviation}, exact_enough));
  EXPECT_TRUE(close(values_of(y), {-2 / deviation, -2 / deviation, 5, 3 / deviation}, exact_enough));
  const Tensor residual = tensor({2, 0, 0, -2}, {1, 4});
  Tensor sum = zeros({1, 4});
  k().rms_norm(y, rstd, x, &residual, &sum, weight, 0.5f);
  EXPECT_EQ(values_of(sum), (Values{3, 2, 3, 4}));
  const double size = std::sqrt(9.5 + 0.5);
  EXPECT_TRUE(close(values_of(y), {3 / size, 4 / size, 3 / size, 4 / size}, exact_enough));
}

TEST_F(KnownValues, SoftmaxOfLogarithms) {
  const Tensor x = tensor({std::log(1.0), std::log(2.0), std::log(3.0)}, {1, 3});
  Tensor y = zeros({1, 3});
  k().softmax(y, x, false);
  EXPECT_TRUE(close(values_of(y), {1 / 6.0, 2 / 6.0, 3 / 6.0}, exact_enough));
  k().softmax(y, x, true);
  EXPECT_TRUE(close(values_of(y), {-std::log(6.0), -std::log(3.0), -std::log(2.0)}, exact_enough));
}

TEST_F(KnownValues, AttentionToEqualKeysAveragesTheValues) {
  // B 1, T 3, H 1, D 2: every key is (1, 0), values (1, 10), (2, 20), (6, 60); scores are the query's first element.
  const Tensor qkv = tensor({3, 7, 1, 0, 1, 10,  //
                             4, 7, 1, 0, 2, 20,  //
                             5, 7, 1, 0, 6, 60},
                            {1, 3, 3, 2});
  Tensor out = zeros({1, 3, 1, 2}), lse = zeros({1, 1, 3});
  k().attention(out, lse, qkv, {.causal = true, .scale = 0.5f});
  EXPECT_TRUE(close(values_of(out), {1, 10, 1.5, 15, 3, 30}, exact_enough));
  EXPECT_TRUE(close(values_of(lse), {1.5, 2 + std::log(2.0), 2.5 + std::log(3.0)}, exact_enough));
  k().attention(out, lse, qkv, {.causal = false, .scale = 0.5f});
  EXPECT_TRUE(close(values_of(out), {3, 30, 3, 30, 3, 30}, exact_enough));
}

TEST_F(KnownValues, AttentionFollowsTheLargerScore) {
  // Query 2 against keys 0 and log(3) / 2: probabilities 1/4 and 3/4.
  const Tensor qkv = tensor({9, 0, 4, 2, std::log(3.0) / 2, 8}, {1, 2, 3, 1});
  Tensor out = zeros({1, 2, 1, 1}), lse = zeros({1, 1, 2});
  k().attention(out, lse, qkv, {.causal = true, .scale = 1});
  EXPECT_TRUE(close(values_of(out), {4, 7}, exact_enough));
}

TEST_F(KnownValues, GroupedHeadsShareKeysAndValues) {
  // One position attends to itself alone: out is the value of the head's group. H 4, K 2, D 1.
  const Tensor qkv = tensor({1, 2, 3, 4, 5, 6, 70, 80}, {1, 1, 8, 1});
  Tensor out = zeros({1, 1, 4, 1}), lse = zeros({1, 4, 1}), cache = zeros({1, 2, 4, 1});
  const Attention how{.heads = 4, .kv_heads = 2, .scale = 1};
  k().attention(out, lse, qkv, how);
  EXPECT_EQ(values_of(out), (Values{70, 70, 80, 80}));
  EXPECT_EQ(values_of(lse), (Values{5, 10, 18, 24}));
  k().attention_cached(out, cache, qkv, 1, how);
  EXPECT_EQ(values_of(cache), (Values{0, 0, 0, 0, 5, 6, 70, 80}));
}

TEST_F(KnownValues, AttentionDropsWhatItsIndicesSay) {
  // B 2, T 5, H 3, K 1, D 1. All scores are 0 and values powers of two, so a row of `out` spells which keys were kept:
  // the sum over kept j of 2^j / 5 / (1 - p), where j is element ((b H + h) T + i) T + j of the mask.
  constexpr std::size_t B = 2, T = 5, H = 3;
  const Dropout dropout{.probability = 0.5f, .key = {21, 22}, .first = 40};
  Values packed;
  for (std::size_t row = 0; row < B * T; ++row)
    for (double element : {0.0, 0.0, 0.0, 0.0, std::exp2(row % T)}) packed.push_back(element);
  Tensor out = zeros({B, T, H, 1}), lse = zeros({B, H, T});
  k().attention(out, lse, tensor(packed, {B, T, H + 2, 1}),
                {.heads = H, .kv_heads = 1, .causal = false, .dropout = dropout});
  Values expected(B * T * H);
  for (std::size_t b = 0; b < B; ++b)
    for (std::size_t h = 0; h < H; ++h)
      for (std::size_t i = 0; i < T; ++i)
        for (std::size_t j = 0; j < T; ++j)
          if (unit_float(random_word(dropout.key, 40 + ((b * H + h) * T + i) * T + j)) >= 0.5f)
            expected[(b * T + i) * H + h] += std::exp2(j) / 5 / 0.5;
  EXPECT_TRUE(close(values_of(out), expected, exact_enough));
}

TEST_F(KnownValues, DropoutDividesWhatItKeeps) {
  const Dropout how{.probability = 0.75f, .key = {1, 2}, .first = 9};
  Tensor y = zeros({64});
  k().dropout(y, tensor(Values(64, 3.0), {64}), how);
  const Values values = values_of(y);
  for (std::size_t i = 0; i < 64; ++i)
    EXPECT_EQ(values[i], unit_float(random_word(how.key, 9 + i)) >= 0.75f ? 12 : 0) << i;
}

TEST_F(KnownValues, ElementwiseByHand) {
  const Tensor a = tensor({1, 2, 3, 4, 5, 6}, {3, 2}), b = tensor({2, 4}, {2}), half = tensor({0.5}, {});
  Tensor y = zeros({3, 2});
  k().binary(y, a, b, Binary::add);
  EXPECT_EQ(values_of(y), (Values{3, 6, 5, 8, 7, 10}));
  k().binary(y, a, b, Binary::subtract);
  EXPECT_EQ(values_of(y), (Values{-1, -2, 1, 0, 3, 2}));
  k().binary(y, a, b, Binary::multiply);
  EXPECT_EQ(values_of(y), (Values{2, 8, 6, 16, 10, 24}));
  k().binary(y, a, b, Binary::divide);
  EXPECT_EQ(values_of(y), (Values{0.5, 0.5, 1.5, 1, 2.5, 1.5}));
  k().scale(y, a, 4, &half);
  EXPECT_EQ(values_of(y), (Values{2, 4, 6, 8, 10, 12}));
  k().axpy(y, a, -2, &half);
  EXPECT_EQ(values_of(y), (Values{1, 2, 3, 4, 5, 6}));
  k().fill(y, 2.5f);
  EXPECT_EQ(values_of(y), Values(6, 2.5));
}

TEST_F(KnownValues, ReductionsByHand) {
  const Tensor x = tensor({1, 2, -3, 4, 4, 1}, {2, 3});
  Tensor total = zeros({}), columns = tensor({10, 20, 30}, {3}), largest = ids({0, 0});
  k().sum(total, x);
  EXPECT_EQ(values_of(total), Values{9});
  k().sum_squares(total, x);
  EXPECT_EQ(values_of(total), Values{47});
  k().column_sum(columns, x, true);
  EXPECT_EQ(values_of(columns), (Values{15, 26, 28}));
  k().column_sum(columns, x, false);
  EXPECT_EQ(values_of(columns), (Values{5, 6, -2}));
  k().argmax(largest, x);
  EXPECT_EQ(values_of(largest), (Values{1, 0}));
  Tensor dx = zeros({2, 3}), dbias = tensor({1, 1, 1}, {3});
  k().activate_grad(dx, x, x, Activation::relu, &dbias, true);
  EXPECT_EQ(values_of(dx), (Values{1, 2, 0, 4, 4, 1}));
  EXPECT_EQ(values_of(dbias), (Values{6, 7, 2}));
}

TEST_F(KnownValues, EmbeddingTakesPositionsModuloTheirNumber) {
  const Tensor table = tensor({1, 2, 3, 4}, {2, 2}), positions = tensor({10, 10, 20, 20, 30, 30}, {3, 2});
  Tensor y = zeros({4, 2});
  k().embedding(y, ids({1, 0, 1, 1}), table, &positions, 2);
  EXPECT_EQ(values_of(y), (Values{33, 34, 11, 12, 23, 24, 33, 34}));
  Tensor dtable = zeros({2, 2}), dpositions = zeros({3, 2});
  k().embedding_grad(dtable, &dpositions, tensor({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2}), ids({1, 0, 1, 1}), false, false);
  EXPECT_EQ(values_of(dtable), (Values{3, 4, 13, 16}));
  EXPECT_EQ(values_of(dpositions), (Values{8, 10, 3, 4, 5, 6}));
}

TEST_F(KnownValues, CrossEntropy) {
  Tensor losses = zeros({3}), weights = zeros({3});
  Tensor logits = tensor({0, 0, 0, 0, std::log(2.0), std::log(3.0), 1, 2, 3}, {3, 3});
  const Tensor class_weights = tensor({1, 1, 4}, {3});
  k().cross_entropy(losses, weights, logits, ids({0, 2, -1}), {.class_weights = &class_weights, .gradient_scale = 6});
  EXPECT_TRUE(close(values_of(losses), {std::log(3.0), 4 * std::log(2.0), 0}, exact_enough));
  EXPECT_EQ(values_of(weights), (Values{1, 4, 0}));
  EXPECT_TRUE(close(values_of(logits), {-4, 2, 2, 4, 8, -12, 0, 0, 0}, exact_enough));
  logits = tensor({0, std::log(2.0), std::log(3.0)}, {1, 3});
  losses = zeros({1}), weights = zeros({1});
  k().cross_entropy(losses, weights, logits, ids({2}), {.label_smoothing = 0.75f, .gradient = false});
  // Targets 1/4, 1/4, 1/2 against probabilities 1/6, 1/3, 1/2.
  EXPECT_TRUE(close(values_of(losses), {std::log(6.0) / 4 + std::log(3.0) / 4 + std::log(2.0) / 2}, exact_enough));
  EXPECT_EQ(values_of(logits), (Values{0, std::log(2.0), std::log(3.0)}));  // untouched
}

// From PyTorch 2, in float64: loss = torch.nn.functional.cross_entropy(logits, targets, weight=class_weights,
// ignore_index=-1, label_smoothing=0.3, reduction="none"); loss.sum().backward().
TEST_F(KnownValues, CrossEntropyWeighsTheSmoothedTargetsOfEachClass) {
  Tensor losses = zeros({3}), weights = zeros({3});
  Tensor logits = tensor({0.5, -1.0, 2.0, 0.25, 1.5, 0.75, -0.5, 0.0, 0.1, 0.2, 0.3, 0.4}, {3, 4});
  const Tensor class_weights = tensor({0.5, 2.0, 1.25, 4.0}, {4});
  k().cross_entropy(losses, weights, logits, ids({2, 0, -1}),
                    {.class_weights = &class_weights, .label_smoothing = 0.3f});
  const Tolerance rounded{1e-7, 1e-7};  // 0.3 is a float here
  EXPECT_TRUE(close(values_of(losses), {1.569012541490269, 1.3131925339234187, 0}, rounded));
  EXPECT_EQ(values_of(weights), (Values{1.25, 0.5, 0}));
  EXPECT_TRUE(close(values_of(logits),
                    {0.18710446432, -0.099883969906, 0.037857372892, -0.125077867306, 0.121148528085, 0.090268551768,
                     -0.024911907384, -0.186505172469, 0, 0, 0, 0},
                    rounded));
}

TEST_F(KnownValues, IdsOutsideTheTableAreErrors) {
  Tensor y = zeros({1, 2}), table = zeros({3, 2}), losses = zeros({1}), weights = zeros({1}), logits = zeros({1, 3});
  EXPECT_THROW(k().embedding(y, ids({3}), table, nullptr, 0), Error);
  EXPECT_THROW(k().embedding_grad(table, nullptr, y, ids({-2}), false, false), Error);
  EXPECT_THROW(k().cross_entropy(losses, weights, logits, ids({3}), {}), Error);
}

TEST_F(KnownValues, PointwiseLosses) {
  struct Known {
    PointwiseLoss loss;
    double x, target, total;
  };
  const Known table[] = {{PointwiseLoss::mse, 3, 1, 4},
                         {PointwiseLoss::mae, -3, 1, 4},
                         {PointwiseLoss::bce_logits, 0, 0.3, std::log(2.0)},
                         {PointwiseLoss::bce_logits, std::log(3.0), 1, std::log(4.0 / 3)},
                         {PointwiseLoss::hinge, 0.25, 1, 0.75},
                         {PointwiseLoss::hinge, 2, -1, 3},
                         {PointwiseLoss::kl, std::log(0.5), 0.25, 0.25 * std::log(0.5)}};
  for (const Known& known : table) {
    Tensor total = zeros({});
    k().pointwise_loss(total, nullptr, tensor({known.x}, {1}), tensor({known.target}, {1}), known.loss);
    EXPECT_NEAR(values_of(total)[0], known.total, 1e-12) << static_cast<int>(known.loss) << " of " << known.x;
  }
}

TEST_F(KnownValues, UpdatesByHand) {
  struct Known {
    UpdateRule rule;
    double weight, moment1, moment2;  // after the step
  };
  // From w = 1, m = 2, v = 3, with g = 4, lr = 1/8 and every decay 1/2; Adam's corrections at t = 2 are 3/4.
  const double adam = 0.125 * (3 / 0.75) / std::sqrt(9.5 / 0.75);
  const Known table[] = {{UpdateRule::sgd, 0.5, 2, 3},
                         {UpdateRule::momentum, 1 - 5.0 / 8, 5, 3},
                         {UpdateRule::nesterov, 1 - 6.5 / 8, 5, 3},
                         {UpdateRule::adagrad, 1 - 0.5 / std::sqrt(19.0), 2, 19},
                         {UpdateRule::rmsprop, 1 - 0.5 / std::sqrt(9.5), 2, 9.5},
                         {UpdateRule::adam, 1 - adam, 3, 9.5},
                         {UpdateRule::adamw, 1 - adam - 0.125 * 0.25, 3, 9.5}};
  for (const Known& known : table) {
    Tensor w = tensor({1}, {1}), m = tensor({2}, {1}), v = tensor({3}, {1});
    k().update(w, nullptr, &m, &v, tensor({4}, {1}),
               {.rule = known.rule,
                .lr = 0.125f,
                .momentum = 0.5f,
                .beta1 = 0.5f,
                .beta2 = 0.5f,
                .epsilon = 0,
                .weight_decay = 0.25f,
                .bias1 = 0.75f,
                .bias2 = 0.75f});
    const int rule = static_cast<int>(known.rule);
    EXPECT_TRUE(close(values_of(w), {known.weight}, exact_enough)) << "rule " << rule;
    EXPECT_TRUE(close(values_of(m), {known.moment1}, exact_enough)) << "rule " << rule;
    EXPECT_TRUE(close(values_of(v), {known.moment2}, exact_enough)) << "rule " << rule;
  }
  Tensor w = tensor({2, -2}, {2});  // scaled to 8 and -8, clipped to 3 and -3, then l2 and l1
  k().update(w, nullptr, nullptr, nullptr, tensor({4, -4}, {2}),
             {.lr = 0.5f, .l1 = 1, .l2 = 0.25f, .gradient_scale = 2, .clip_value = 3});
  EXPECT_EQ(values_of(w), (Values{2 - 4.5 / 2, -2 + 4.5 / 2}));
}

}  // namespace
}  // namespace trireme::test
