// Every operation's gradient against central differences.
#include <gtest/gtest.h>

#include "runtime/ops/attention.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/embedding.h"
#include "runtime/ops/linear.h"
#include "runtime/ops/loss.h"
#include "runtime/ops/norm.h"
#include "runtime/ops/recompute.h"
#include "tests/support/gradient_check.h"

namespace trireme {
namespace {

using test::expect_gradients;
using Inputs = std::vector<Tensor>;

Tensor ids(Context& cx, std::vector<std::int32_t> values, const Shape& shape) {
  return from_host<std::int32_t>(cx.device, values, shape);
}

class ActivationGradient : public testing::TestWithParam<Activation> {};
TEST_P(ActivationGradient, MatchesDifferences) {
  // Away from the kinks of relu: differences across them would be neither side's slope.
  expect_gradients({.inputs = {{3, 5}}, .range = {0.1, 2.0}},
                   [](Context& cx, const Inputs& in) { return ops::activate(cx, in[0], GetParam()); });
  expect_gradients({.inputs = {{3, 5}}, .range = {-2.0, -0.1}},
                   [](Context& cx, const Inputs& in) { return ops::activate(cx, in[0], GetParam()); });
}
class LinearGradient : public testing::TestWithParam<Activation> {};
TEST_P(LinearGradient, MatchesDifferences) {
  expect_gradients({.inputs = {{2, 3, 4}, {5, 4}, {5}}, .range = {0.2, 1.0}},
                   [](Context& cx, const Inputs& in) { return ops::linear(cx, in[0], in[1], in[2], GetParam()); });
}
const auto all_activations = testing::Values(Activation::identity, Activation::relu, Activation::leaky_relu,
                                             Activation::gelu, Activation::silu, Activation::sigmoid, Activation::tanh);
const auto activation_name = [](const auto& info) { return std::string(name_of(info.param)); };
INSTANTIATE_TEST_SUITE_P(Ops, ActivationGradient, all_activations, activation_name);
INSTANTIATE_TEST_SUITE_P(Ops, LinearGradient, all_activations, activation_name);

TEST(OpGradients, LinearWithoutBias) {
  expect_gradients({.inputs = {{3, 4}, {5, 4}}},
                   [](Context& cx, const Inputs& in) { return ops::linear(cx, in[0], in[1], {}); });
}

TEST(OpGradients, Matmul) {
  expect_gradients({.inputs = {{3, 4}, {4, 2}}},
                   [](Context& cx, const Inputs& in) { return ops::matmul(cx, in[0], in[1]); });
}

TEST(OpGradients, BinaryOfEqualShapesAndRepeated) {
  for (const Shape& other : {Shape{2, 3, 4}, Shape{3, 4}, Shape{4}}) {
    expect_gradients({.inputs = {{2, 3, 4}, other}}, [](Context& cx, const Inputs& in) {
      return ops::multiply(cx, ops::add(cx, in[0], in[1]), ops::subtract(cx, in[0], in[1]));
    });
  }
}

TEST(OpGradients, AValueUsedTwiceGetsBothGradients) {
  expect_gradients({.inputs = {{3, 4}}}, [](Context& cx, const Inputs& in) {
    const Tensor x = ops::scale(cx, in[0], 0.5f);
    return ops::add(cx, ops::multiply(cx, x, x), ops::add(cx, x, x));
  });
}

TEST(OpGradients, ScaleReshapeCastSumMean) {
  expect_gradients({.inputs = {{3, 4}}}, [](Context& cx, const Inputs& in) {
    return ops::reshape(cx, ops::scale(cx, in[0], -1.5f), {2, 6});
  });
  expect_gradients({.inputs = {{3, 4}}}, [](Context& cx, const Inputs& in) {
    return ops::multiply(cx, ops::sum(cx, in[0]), ops::mean(cx, in[0]));
  });
}

TEST(OpGradients, Softmax) {
  expect_gradients({.inputs = {{3, 7}}}, [](Context& cx, const Inputs& in) { return ops::softmax(cx, in[0]); });
  expect_gradients({.inputs = {{3, 7}}}, [](Context& cx, const Inputs& in) { return ops::log_softmax(cx, in[0]); });
}

TEST(OpGradients, LayerNorm) {
  expect_gradients({.inputs = {{2, 3, 8}, {8}, {8}}},
                   [](Context& cx, const Inputs& in) { return ops::layer_norm(cx, in[0], {}, in[1], in[2], 1e-5f).y; });
}

TEST(OpGradients, LayerNormOfAResidualUsesBothOutputs) {
  expect_gradients({.inputs = {{2, 8}, {2, 8}, {8}, {8}}}, [](Context& cx, const Inputs& in) {
    const ops::Normed out = ops::layer_norm(cx, in[0], in[1], in[2], in[3], 1e-5f);
    return ops::add(cx, out.sum, out.y);
  });
  expect_gradients({.inputs = {{2, 8}, {2, 8}, {8}, {8}}}, [](Context& cx, const Inputs& in) {
    return ops::layer_norm(cx, in[0], in[1], in[2], in[3], 1e-5f).y;
  });
}

TEST(OpGradients, RmsNorm) {
  expect_gradients({.inputs = {{2, 3, 8}, {8}}},
                   [](Context& cx, const Inputs& in) { return ops::rms_norm(cx, in[0], {}, in[1], 1e-5f).y; });
  expect_gradients({.inputs = {{2, 8}, {2, 8}, {8}}}, [](Context& cx, const Inputs& in) {
    const ops::Normed out = ops::rms_norm(cx, in[0], in[1], in[2], 1e-5f);
    return ops::multiply(cx, out.sum, out.y);
  });
}

TEST(OpGradients, Attention) {
  for (const bool causal : {true, false}) {
    expect_gradients({.inputs = {{2, 5, 3 * 2 * 4}}}, [causal](Context& cx, const Inputs& in) {
      return ops::attention(cx, in[0], {.heads = 2, .kv_heads = 2, .causal = causal});
    });
  }
}

TEST(OpGradients, GroupedQueryAttention) {
  expect_gradients({.inputs = {{1, 5, (4 + 2 * 2) * 3}}}, [](Context& cx, const Inputs& in) {
    return ops::attention(cx, in[0], {.heads = 4, .kv_heads = 2});
  });
}

TEST(OpGradients, RotaryPositions) {
  expect_gradients({.inputs = {{2, 3, 4 * 6}}}, [](Context& cx, const Inputs& in) {
    return ops::rotate(cx, in[0], {.heads = 4, .rotated = 3, .base = 100.0f, .position = 2});
  });
  // Of a value that nobody else holds, in place.
  expect_gradients({.inputs = {{2, 3, 4 * 6}}}, [](Context& cx, const Inputs& in) {
    const Tensor turned = ops::rotate(cx, ops::scale(cx, in[0], 2.0f), {.heads = 4, .rotated = 3});
    return ops::attention(cx, turned, {.heads = 2, .kv_heads = 1});
  });
}

TEST(OpGradients, GatedUnits) {
  expect_gradients({.inputs = {{2, 3, 10}}},
                   [](Context& cx, const Inputs& in) { return ops::gate(cx, in[0], Activation::silu); });
  expect_gradients({.inputs = {{2, 3, 10}}}, [](Context& cx, const Inputs& in) {
    return ops::gate(cx, ops::scale(cx, in[0], 2.0f), Activation::gelu);
  });
}

TEST(OpGradients, DropoutDrawsTheSameNumbersBackward) {
  Backend backend = make_backend("reference", 1);
  Context settings{*backend.device, *backend.kernels};
  settings.training = true;
  settings.seed = 3;
  settings.step = 5;
  settings.samples = 4;
  expect_gradients({.inputs = {{4, 6}}, .settings = &settings},
                   [](Context& cx, const Inputs& in) { return ops::dropout(cx, in[0], 0.4f, "here"); });
  expect_gradients({.inputs = {{4, 3, 3 * 2 * 4}}, .settings = &settings}, [](Context& cx, const Inputs& in) {
    return ops::attention(cx, in[0], {.heads = 2, .kv_heads = 2, .dropout = 0.3f, .site = "there"});
  });
}

TEST(OpGradients, Embedding) {
  expect_gradients({.inputs = {{5, 4}, {6, 4}}}, [](Context& cx, const Inputs& in) {
    return ops::embedding(cx, ids(cx, {0, 3, 3, 1, 4, 0}, {2, 3}), in[0], in[1], 2);
  });
  expect_gradients({.inputs = {{5, 4}}}, [](Context& cx, const Inputs& in) {
    return ops::embedding(cx, ids(cx, {0, 3, 3, 1, 4, 0}, {2, 3}), in[0]);
  });
}

TEST(OpGradients, EmbeddingOfAPartOfTheTable) {
  expect_gradients({.inputs = {{3, 4}}}, [](Context& cx, const Inputs& in) {
    return ops::embedding_part(cx, ids(cx, {0, 3, 3, 1, 4, 0}, {2, 3}), in[0], 2);
  });
}

TEST(OpGradients, PositionsOfSomeRows) {
  for (const std::int64_t row : {0, 1, 3, 4, 6}) {  // 7 rows: whole sequences of 3, and parts of them at either end
    const ops::PositionRows rows{.first = 1, .sequence = 3, .row = row};
    const auto add = [&](Context& cx, const Inputs& in) { return ops::add_positions(cx, in[0], in[1], rows); };
    expect_gradients({.inputs = {{7, 2}, {5, 2}}}, add);
    const Backend backend = make_backend("reference", 1);
    Context cx{*backend.device, *backend.kernels};
    const Tensor zeros = test::tensor_of(cx.device, test::Values(14, 0.0), {7, 2}, DType::f32);
    const Tensor table = test::tensor_of(cx.device, {0, 1, 10, 11, 20, 21, 30, 31, 40, 41}, {5, 2}, DType::f32);
    const test::Values got = test::values_of(add(cx, {zeros, table}));
    for (std::int64_t r = 0; r < 7; ++r)
      EXPECT_EQ(got[static_cast<std::size_t>(2 * r)], static_cast<double>(10 * (1 + (row + r) % 3))) << row << " " << r;
  }
}

TEST(OpGradients, DropoutOfPartsKeepsWhatTheWholeKeeps) {
  const Backend backend = make_backend("reference", 1);
  Context cx{*backend.device, *backend.kernels, nullptr, true, 3, 4, 5, 2};
  const Tensor ones = test::tensor_of(cx.device, test::Values(48, 1.0), {2, 4, 6}, DType::f32);
  const test::Values whole = test::values_of(ops::dropout(cx, ones, 0.5f, "here"));
  for (std::int64_t part = 0; part < 4; ++part)
    for (std::int64_t column_part = 0; column_part < 3; ++column_part) {
      const Tensor some = test::tensor_of(cx.device, test::Values(4, 1.0), {2, 2}, DType::f32);
      const test::Values got = test::values_of(ops::dropout(cx, some,
                                                            {.probability = 0.5f,
                                                             .site = "here",
                                                             .part = part,
                                                             .parts = 4,
                                                             .column_part = column_part,
                                                             .column_parts = 3}));
      for (std::int64_t i = 0; i < 4; ++i)
        EXPECT_EQ(got[static_cast<std::size_t>(i)],
                  whole[static_cast<std::size_t>((2 * part + i / 2) * 6 + 2 * column_part + i % 2)]);
    }
}

TEST(OpGradients, CrossEntropy) {
  for (const float smoothing : {0.0f, 0.1f}) {
    expect_gradients({.inputs = {{4, 5}}}, [smoothing](Context& cx, const Inputs& in) {
      const Tensor logits = ops::scale(cx, in[0], 2.0f);  // the operation overwrites its logits
      const std::vector<float> weights{0.5f, 1.0f, 2.0f, 0.25f, 3.0f};
      return ops::cross_entropy(
          cx, logits, ids(cx, {0, 4, -1, 2}, {4}),
          {.class_weights = from_host<float>(cx.device, weights, {5}), .label_smoothing = smoothing});
    });
  }
}

TEST(OpGradients, CrossEntropyLeavesLogitsThatOthersHold) {
  // log_softmax keeps its result for its own gradient, and a leaf is a parameter.
  expect_gradients({.inputs = {{3, 5}}}, [](Context& cx, const Inputs& in) {
    return ops::cross_entropy(cx, ops::log_softmax(cx, in[0]), ids(cx, {0, 4, 2}, {3}));
  });
  expect_gradients({.inputs = {{3, 5}}}, [](Context& cx, const Inputs& in) {
    return ops::cross_entropy(cx, in[0], ids(cx, {0, 4, 2}, {3}));
  });
}

TEST(OpGradients, LinearCrossEntropy) {
  expect_gradients({.inputs = {{3, 4}, {7, 4}}}, [](Context& cx, const Inputs& in) {
    return ops::linear_cross_entropy(cx, in[0], in[1], ids(cx, {6, 0, 3}, {3}), 0.1f);
  });
  expect_gradients({.inputs = {{3, 4}, {7, 4}, {7}}}, [](Context& cx, const Inputs& in) {
    return ops::linear_cross_entropy(cx, in[0], in[1], ids(cx, {6, 0, 3}, {3}), 0.0f, in[2]);
  });
}

TEST(OpGradients, PointwiseLosses) {
  for (const PointwiseLoss loss :
       {PointwiseLoss::mse, PointwiseLoss::mae, PointwiseLoss::bce_logits, PointwiseLoss::hinge, PointwiseLoss::kl}) {
    expect_gradients({.inputs = {{3, 4}}, .range = {0.05, 0.45}}, [loss](Context& cx, const Inputs& in) {
      const std::vector<float> target(12, 0.5f);
      return ops::pointwise_loss(cx, in[0], from_host<float>(cx.device, target, {3, 4}), loss);
    });
  }
}

TEST(OpGradients, RecomputedRegion) {
  expect_gradients({.inputs = {{3, 4}, {4, 4}}}, [](Context& cx, const Inputs& in) {
    const Tensor w = in[1];
    const Tensor before = ops::linear(cx, in[0], w, {});  // the weight is used outside the region too
    return ops::recompute(cx, {before}, [w](Context& inner, const Inputs& x) {
      return Inputs{ops::activate(inner, ops::linear(inner, x[0], w, {}), Activation::tanh)};
    })[0];
  });
}

}  // namespace
}  // namespace trireme
