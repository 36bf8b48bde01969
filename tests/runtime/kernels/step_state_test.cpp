// Kernels that read what changes from step to step in device memory.
#include <cmath>
#include <limits>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class StepStateTest : public KernelTest {
 protected:
  Tensor put(const StepState& state) {
    Tensor tensor = empty_step_state(device());
    device().copy_from_host(tensor.raw(), &state, sizeof state);
    return tensor;
  }
  StepState get(const Tensor& tensor) {
    StepState state;
    device().copy_to_host(&state, tensor.raw(), sizeof state);
    return state;
  }
  StepState concluded(const StepState& before, double square, const StepRule& rule) {
    Tensor state = put(before);
    tested().conclude_step(state, from_host<double>(device(), std::vector<double>{square}, {}), rule);
    return get(state);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, StepStateTest, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(StepStateTest, AFiniteStepCountsAndClips) {
  const StepRule rule{.clip_norm = 1.0f, .beta1 = 0.5f, .beta2 = 0.75f};
  StepState now = concluded({.step = 9, .lr = 0.25f, .updates = 1, .loss_scale = 4.0f}, 64.0 * 64.0, rule);
  EXPECT_EQ(now.step, 9);
  EXPECT_EQ(now.lr, 0.25f);
  EXPECT_EQ(now.gradient_norm, 16.0);  // 64 / 4
  EXPECT_EQ(now.gradient_scale, 0.25f / 16.0f);
  EXPECT_EQ(now.finite, 1);
  EXPECT_EQ(now.updates, 2);
  EXPECT_FLOAT_EQ(now.bias1, 1.0f - 0.25f);
  EXPECT_FLOAT_EQ(now.bias2, 1.0f - 0.5625f);
  EXPECT_EQ(now.skipped, 0);
  now = concluded({.loss_scale = 4.0f}, 4.0, rule);
  EXPECT_EQ(now.gradient_norm, 0.5);
  EXPECT_EQ(now.gradient_scale, 0.25f) << "below the bound nothing is clipped";
  now = concluded({}, 1e6, {});
  EXPECT_EQ(now.gradient_scale, 1.0f) << "no bound";
}

TEST_P(StepStateTest, AStepThatIsNotFiniteIsSkippedAndCounted) {
  for (const double square : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    const StepState before{.updates = 5, .skipped = 2, .loss_scale = 8.0f, .good_steps = 7, .gradient_scale = 3.0f};
    StepState now = concluded(before, square, {.dynamic_scale = true});
    EXPECT_EQ(now.finite, 0);
    EXPECT_EQ(now.updates, 5);
    EXPECT_EQ(now.skipped, 3);
    EXPECT_EQ(now.good_steps, 0);
    EXPECT_EQ(now.loss_scale, 4.0f);
    EXPECT_FALSE(std::isfinite(now.gradient_norm));
    EXPECT_EQ(concluded(before, square, {}).loss_scale, 8.0f) << "a scale that is not dynamic stays";
    EXPECT_EQ(concluded({.loss_scale = 1.0f}, square, {.dynamic_scale = true}).loss_scale, 1.0f);
  }
}

TEST_P(StepStateTest, TheLossScaleGrowsAfterGoodSteps) {
  const StepRule rule{.dynamic_scale = true, .growth_interval = 3};
  EXPECT_EQ(concluded({.loss_scale = 8.0f, .good_steps = 1}, 1.0, rule).loss_scale, 8.0f);
  const StepState grown = concluded({.loss_scale = 8.0f, .good_steps = 2}, 64.0, rule);
  EXPECT_EQ(grown.loss_scale, 16.0f);
  EXPECT_EQ(grown.good_steps, 0);
  EXPECT_EQ(grown.gradient_scale, 0.125f) << "this step's gradients still have the old scale";
  EXPECT_EQ(concluded({.loss_scale = 0x1p24f, .good_steps = 2}, 1.0, rule).loss_scale, 0x1p24f);
}

TEST_P(StepStateTest, AnUpdateTakesItsNumbersFromTheState) {
  const std::int64_t size = 1001;
  const auto update = [&](const Update& how) {
    Tensor w = tensor_of(device(), Values(static_cast<std::size_t>(size), 0.5), {size}, DType::f32);
    Tensor m = tensor_of(device(), Values(static_cast<std::size_t>(size), 0.25), {size}, DType::f32);
    Tensor v = tensor_of(device(), Values(static_cast<std::size_t>(size), 0.125), {size}, DType::f32);
    Tensor copy = tensor_of(device(), Values(static_cast<std::size_t>(size), 7), {size}, DType::bf16);
    const Tensor g = tensor_of(device(), Values(static_cast<std::size_t>(size), 3), {size}, DType::f32);
    tested().update(w, &copy, &m, &v, g, how);
    return std::vector{values_of(w), values_of(m), values_of(v), values_of(copy)};
  };
  Update how{.rule = UpdateRule::adamw, .weight_decay = 0.1f};
  StepState numbers{.lr = 0.125f, .gradient_scale = 0.5f, .bias1 = 0.75f, .bias2 = 0.5f};
  Tensor state = put(numbers);
  how.state = &state;
  const auto got = update(how);
  const auto want = update(
      {.rule = how.rule, .lr = 0.125f, .weight_decay = 0.1f, .gradient_scale = 0.5f, .bias1 = 0.75f, .bias2 = 0.5f});
  EXPECT_EQ(got, want);
  numbers.finite = 0;
  state = put(numbers);
  const auto skipped = update(how);
  EXPECT_EQ(skipped[0].front(), 0.5);
  EXPECT_EQ(skipped[1].back(), 0.25);
  EXPECT_EQ(skipped[2].front(), 0.125);
  EXPECT_EQ(skipped[3].back(), 7);
}

TEST_P(StepStateTest, DropoutDrawsTheNumbersOfTheStatesStep) {
  Tensor state = put({.step = 41});
  const Tensor x = tensor_of(device(), Values(500, 1.0), {500}, dtype());
  const auto dropped = [&](const Dropout& how) {
    Tensor y = empty(device(), {500}, dtype());
    tested().dropout(y, x, how);
    return values_of(y);
  };
  const Dropout host{.probability = 0.5f, .key = {3, 4}, .first = 5, .step = 41};
  const Dropout device_side{.probability = 0.5f, .key = {3, 4}, .first = 5, .state = &state};
  const Dropout other{.probability = 0.5f, .key = {3, 4}, .first = 5, .step = 42};
  EXPECT_EQ(dropped(device_side), dropped(host));
  EXPECT_NE(dropped(other), dropped(host));
}

TEST_P(StepStateTest, AttentionToo) {
  Tensor state = put({.step = 6});
  Values values(2 * 9 * 6 * 8);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
  const Tensor qkv = tensor_of(device(), values, {2, 9, 6, 8}, dtype());
  const auto attended = [&](const Dropout& dropout) {
    const Attention how{.heads = 2, .kv_heads = 2, .scale = 0.3f, .dropout = dropout};
    Tensor out = empty(device(), {2, 9, 2, 8}, dtype()), lse = empty(device(), {2, 2, 9}, DType::f32);
    tested().attention(out, lse, qkv, how);
    Tensor gradient = empty_like(qkv);
    tested().attention_grad(gradient, out, qkv, out, lse, how);
    return std::pair{values_of(out), values_of(gradient)};
  };
  EXPECT_EQ(attended({.probability = 0.5f, .key = {1, 2}, .state = &state}),
            attended({.probability = 0.5f, .key = {1, 2}, .step = 6}));
  EXPECT_NE(attended({.probability = 0.5f, .key = {1, 2}, .state = &state}),
            attended({.probability = 0.5f, .key = {1, 2}, .step = 7}));
}

}  // namespace
}  // namespace trireme::test
