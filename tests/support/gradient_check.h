// Gradients of a function of several tensors, by the tape and by central differences.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <vector>

#include "runtime/autograd/context.h"
#include "runtime/kernels/backend.h"
#include "runtime/ops/elementwise.h"
#include "tests/support/compare.h"
#include "tests/support/finite_difference.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {

using Function = std::function<Tensor(Context& cx, const std::vector<Tensor>& inputs)>;

struct GradientCheck {
  std::vector<Shape> inputs;
  Range range = {};
  Context* settings = nullptr;  // seed, step, training; null for the defaults
  double step = 2e-2;           // of the differences
  double tolerance = 2e-3;      // relative: f32 values between the operations
};

// Runs `f` under every leaf's gradient and under differences, with the sum of f's elements times fixed random weights
// as the scalar. The reference backend computes, so that only the tape and the formulas are judged.
inline void expect_gradients(const GradientCheck& check, const Function& f) {
  Backend backend = make_backend("reference", 1);
  std::deque<Leaf> leaves;
  std::vector<Tensor> inputs;
  std::uint64_t seed = 1;
  for (const Shape& shape : check.inputs) {
    Leaf& leaf = leaves.emplace_back();
    leaf.value = random_tensor(*backend.device, shape, DType::f32, seed++, check.range);
    leaf.gradient =
        tensor_of(*backend.device, Values(static_cast<std::size_t>(shape.numel()), 777.0), shape, DType::f32);
    inputs.push_back(leaf.tensor());
  }
  Tensor weights;
  const auto scalar = [&](Tape* tape) {
    Context cx{*backend.device, *backend.kernels, tape};
    if (check.settings) {
      cx.training = check.settings->training;
      cx.seed = check.settings->seed;
      cx.step = check.settings->step;
      cx.first_sample = check.settings->first_sample;
      cx.samples = check.settings->samples;
    }
    const Tensor y = f(cx, inputs);
    if (!weights) weights = random_tensor(*backend.device, y.shape(), DType::f32, 99);
    return ops::sum(cx, ops::multiply(cx, y, weights));
  };
  {
    Tape tape(*backend.device, *backend.kernels);
    tape.backward(scalar(&tape), 1.0f);
  }
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Values want = finite_difference(
        leaves[i].value, [&] { return double{to_floats(scalar(nullptr))[0]}; }, check.step);
    EXPECT_TRUE(close(values_of(leaves[i].gradient), want, {check.tolerance, 1e-4})) << "input " << i;
  }
}

}  // namespace trireme::test
