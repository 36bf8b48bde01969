// The tape's bookkeeping: when hooks run, what is kept, what may be left for later.
#include "runtime/autograd/tape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/kernels/backend.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/linear.h"
#include "runtime/ops/recompute.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

class TapeTest : public testing::Test {
 protected:
  void make(Leaf& leaf, const Shape& shape, std::uint64_t seed) {
    leaf.value = test::random_tensor(device(), shape, DType::f32, seed);
    leaf.gradient =
        test::tensor_of(device(), test::Values(static_cast<std::size_t>(shape.numel()), 777.0), shape, DType::f32);
  }
  Device& device() { return *backend_.device; }
  Tensor x() { return test::random_tensor(device(), {3, 4}, DType::f32, 11); }

  Backend backend_ = make_backend("reference", 1);
  Tape tape_{*backend_.device, *backend_.kernels};
  Context cx_{*backend_.device, *backend_.kernels, &tape_};
};

TEST_F(TapeTest, RecordsNothingWhenNothingNeedsAGradient) {
  const Tensor y = ops::scale(cx_, x(), 2.0f);
  EXPECT_EQ(tape_.nodes(), 0u);
  EXPECT_FALSE(tape_.follows(y));
  EXPECT_THROW(tape_.backward(ops::sum(cx_, y), 1.0f), Error);
}

TEST_F(TapeTest, AFrozenLeafGetsNoGradient) {
  Leaf frozen, trained;
  make(frozen, {4, 4}, 1);
  make(trained, {4, 4}, 2);
  frozen.gradient = {};
  const Tensor y = ops::linear(cx_, ops::linear(cx_, x(), frozen.tensor(), {}), trained.tensor(), {});
  tape_.backward(ops::sum(cx_, y), 1.0f);
  EXPECT_FALSE(trained.fresh());
  EXPECT_TRUE(frozen.fresh());
}

TEST_F(TapeTest, AWeightUsedTwiceReportsOnceWhenBothHaveArrived) {
  Leaf weight;
  make(weight, {4, 4}, 1);
  int reports = 0;
  weight.on_ready = [&] { ++reports; };
  const Tensor y = ops::linear(cx_, ops::linear(cx_, x(), weight.tensor(), {}), weight.tensor(), {});
  tape_.backward(ops::sum(cx_, y), 1.0f);
  EXPECT_EQ(reports, 1);
}

TEST_F(TapeTest, HooksRunFromTheLastLayerToTheFirst) {
  Leaf first, second;
  make(first, {4, 4}, 1);
  make(second, {4, 4}, 2);
  std::string order;
  first.on_ready = [&] { order += "first "; };
  second.on_ready = [&] { order += "second "; };
  const Tensor y = ops::linear(cx_, ops::linear(cx_, x(), first.tensor(), {}), second.tensor(), {});
  tape_.backward(ops::sum(cx_, y), 1.0f);
  EXPECT_EQ(order, "second first ");
}

TEST_F(TapeTest, GradientsAccumulateOverPassesUntilTheNextStep) {
  Leaf weight;
  make(weight, {4, 4}, 1);
  const auto pass = [&] {
    tape_.clear();
    tape_.backward(ops::sum(cx_, ops::linear(cx_, x(), weight.tensor(), {})), 1.0f);
  };
  pass();
  const test::Values once = test::values_of(weight.gradient);
  pass();
  test::Values twice = once;
  for (double& value : twice) value *= 2;
  EXPECT_TRUE(test::close(test::values_of(weight.gradient), twice, {1e-6}));
  weight.begin_step();
  pass();
  EXPECT_TRUE(test::close(test::values_of(weight.gradient), once, {1e-6}));
}

TEST_F(TapeTest, WeightGradientsCanBeLeftForLater) {
  Leaf first, second;
  make(first, {4, 4}, 1);
  make(second, {4, 4}, 2);
  int reports = 0;
  first.on_ready = second.on_ready = [&] { ++reports; };
  const auto forward = [&] {
    return ops::sum(cx_, ops::linear(cx_, ops::linear(cx_, x(), first.tensor(), {}), second.tensor(), {}));
  };
  tape_.backward(forward(), 1.0f);
  const test::Values want = test::values_of(first.gradient);
  first.begin_step();
  second.begin_step();
  tape_.clear();
  reports = 0;
  tape_.backward(forward(), 1.0f, WeightGradients::later);
  EXPECT_EQ(reports, 0);
  EXPECT_EQ(tape_.run_weight_gradients(1), 1);
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(tape_.run_weight_gradients(5), 0);
  EXPECT_EQ(reports, 2);
  EXPECT_TRUE(test::close(test::values_of(first.gradient), want, {}));
}

TEST_F(TapeTest, AnOutputNobodyUsesStillAnswersForItsLeaves) {
  Leaf used, ignored;
  make(used, {4, 4}, 1);
  make(ignored, {4, 4}, 2);
  int reports = 0;
  ignored.on_ready = [&] { ++reports; };
  const Tensor y = ops::linear(cx_, x(), used.tensor(), {});
  const Tensor dead_end = ops::linear(cx_, x(), ignored.tensor(), {});
  tape_.backward(ops::sum(cx_, y), 1.0f);
  EXPECT_EQ(reports, 1);
  EXPECT_TRUE(ignored.fresh());  // nothing was written
}

TEST_F(TapeTest, GradientsOfComputedWeightsHaveTheWeightsDtype) {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const auto tensor = [&](const Shape& shape, std::uint64_t seed) {
      return test::random_tensor(device(), shape, dtype, seed);
    };
    tape_.clear();
    Leaf leaf;
    leaf.value = tensor({4, 4}, 1);
    leaf.gradient = test::tensor_of(device(), test::Values(16, 777.0), {4, 4}, DType::f32);
    const Tensor bias = tape_.input(tensor({4}, 3)), mask = tensor({4, 4}, 2);
    const Tensor weight = ops::activate(cx_, ops::multiply(cx_, leaf.tensor(), mask), Activation::tanh);
    const Tensor y = ops::linear(cx_, tensor({3, 4}, 4), weight, bias);
    tape_.backward(ops::sum(cx_, y), 1.0f);
    EXPECT_EQ(tape_.take_gradient(bias).dtype(), dtype);
    for (const double value : test::values_of(leaf.gradient)) EXPECT_LT(std::abs(value), 10.0);
  }
}

TEST_F(TapeTest, ASumOverManyRowsNeedNotFitIntoSixteenBits) {
  Leaf bias;
  bias.value = test::random_tensor(device(), {4}, DType::f16, 1);
  bias.gradient = test::tensor_of(device(), test::Values(4, 777.0), {4}, DType::f32);
  const Shape rows{3000, 4};
  const Tensor hundreds = test::tensor_of(device(), test::Values(12000, 100.0), rows, DType::f16);
  tape_.backward(ops::add(cx_, hundreds, bias.tensor()), hundreds);
  EXPECT_EQ(test::values_of(bias.gradient), test::Values(4, 300000.0));
}

TEST_F(TapeTest, InputsKeepTheirGradient) {
  const Tensor in = tape_.input(x());
  tape_.backward(ops::sum(cx_, ops::scale(cx_, in, 3.0f)), 2.0f);
  EXPECT_TRUE(test::close(test::values_of(tape_.take_gradient(in)), test::Values(12, 6.0), {}));
}

TEST_F(TapeTest, TensorsOfAClearedTapeAreNotFollowed) {
  Leaf weight;
  make(weight, {4, 4}, 1);
  const Tensor y = ops::linear(cx_, x(), weight.tensor(), {});
  tape_.clear();
  EXPECT_FALSE(tape_.follows(y));
}

TEST_F(TapeTest, WhatAClearedTapeHadCountedIsNotWaitedFor) {
  Leaf weight;
  make(weight, {4, 4}, 1);
  int reports = 0;
  weight.on_ready = [&] { ++reports; };
  const auto forward = [&] {
    return ops::sum(cx_, ops::linear(cx_, ops::linear(cx_, x(), weight.tensor(), {}), weight.tensor(), {}));
  };
  tape_.backward(forward(), 1.0f);
  const test::Values want = test::values_of(weight.gradient);
  EXPECT_EQ(reports, 1);
  weight.begin_step();
  forward();
  tape_.clear();
  tape_.backward(forward(), 1.0f);
  EXPECT_EQ(reports, 2);
  EXPECT_TRUE(test::close(test::values_of(weight.gradient), want, {}));
  // Also weight gradients that were left for later, one of two done.
  weight.begin_step();
  tape_.backward(forward(), 1.0f, WeightGradients::later);
  EXPECT_EQ(tape_.run_weight_gradients(1), 1);
  tape_.clear();
  tape_.backward(forward(), 1.0f);
  EXPECT_EQ(reports, 3);
}

TEST_F(TapeTest, AStepThatBeganAfterThePassHasForgottenItToo) {
  Leaf weight;
  make(weight, {4, 4}, 1);
  int reports = 0;
  weight.on_ready = [&] { ++reports; };
  const auto forward = [&] { return ops::sum(cx_, ops::linear(cx_, x(), weight.tensor(), {})); };
  forward();
  weight.begin_step();
  tape_.clear();
  tape_.backward(forward(), 1.0f);
  EXPECT_EQ(reports, 1);
}

TEST_F(TapeTest, AGradientOfAnotherSizeNamesItsOperation) {
  const Tensor in = tape_.input(x());
  Tensor out = test::random_tensor(device(), {3, 4}, DType::f32, 5);
  record(cx_, "twist", {&in}, {&out}, [](Gradients& g) { g.give(0, g.incoming().range(0, 6)); });
  const std::string message = test::message_of<Error>([&] { tape_.backward(ops::sum(cx_, out), 1.0f); });
  EXPECT_NE(message.find("in the gradient of twist: expected 12 elements for input 0 found (6)"), std::string::npos)
      << message;
}

class RecomputeTest : public TapeTest {
 protected:
  // Layers that share a weight, but the first recomputed or not; returns the weight's gradient.
  test::Values gradient(bool again, std::int64_t* peak = nullptr, WeightGradients when = WeightGradients::now) {
    Leaf weight, bias;
    make(weight, {4, 4}, 1);
    make(bias, {4}, 2);
    reports_ = 0;
    weight.on_ready = [&] { ++reports_; };
    tape_.clear();
    cx_.training = true;
    cx_.samples = 3;
    Tensor y = ops::linear(cx_, x(), weight.tensor(), {});
    const auto region = [&](Context& inner, const std::vector<Tensor>& in) {
      Tensor h = ops::linear(inner, in[0], weight.tensor(), bias.tensor(), Activation::gelu);
      return std::vector<Tensor>{ops::dropout(inner, h, 0.5f, "site")};
    };
    for (int i = 0; i < 4; ++i) y = again ? ops::recompute(cx_, {y}, region)[0] : region(cx_, {y})[0];
    const Tensor loss = ops::sum(cx_, y);
    if (peak) *peak = device().memory().live;
    tape_.backward(loss, 1.0f, when);
    left_ = tape_.run_weight_gradients(0);
    tape_.run_weight_gradients(100);
    return test::values_of(weight.gradient);
  }
  int reports_ = 0;
  std::int64_t left_ = 0;  // weight gradients, by the backward pass
};

TEST_F(RecomputeTest, GivesTheSameBitsAndOneReport) {
  const test::Values plain = gradient(false);
  EXPECT_EQ(reports_, 1);
  const test::Values again = gradient(true);
  EXPECT_EQ(reports_, 1);
  EXPECT_EQ(plain, again);
}

TEST_F(RecomputeTest, LeavesWeightGradientsForLater) {
  const test::Values plain = gradient(false);
  EXPECT_EQ(left_, 0);
  EXPECT_EQ(gradient(true, nullptr, WeightGradients::later), plain);
  EXPECT_EQ(left_, 5);
  EXPECT_EQ(reports_, 1);
}

TEST_F(RecomputeTest, WhatAClearedTapeHadCountedIsNotWaitedFor) {
  Leaf weight;
  make(weight, {4, 4}, 1);
  int reports = 0;
  weight.on_ready = [&] { ++reports; };
  const auto forward = [&] {
    const auto region = [&](Context& inner, const std::vector<Tensor>& in) {
      return std::vector<Tensor>{ops::linear(inner, in[0], weight.tensor(), {})};
    };
    return ops::recompute(cx_, {x()}, region)[0];
  };
  forward();
  tape_.clear();
  tape_.backward(ops::sum(cx_, forward()), 1.0f);
  EXPECT_EQ(reports, 1);
  // A region that nothing depends on answers for the leaves inside it.
  weight.begin_step();
  const Tensor used = forward();
  forward();
  tape_.backward(ops::sum(cx_, used), 1.0f);
  EXPECT_EQ(reports, 2);
}

TEST_F(RecomputeTest, KeepsLess) {
  std::int64_t plain = 0, again = 0;
  gradient(false, &plain);
  gradient(true, &again);
  EXPECT_LT(again, plain);
}

}  // namespace
}  // namespace trireme
