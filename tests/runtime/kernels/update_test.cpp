#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

constexpr UpdateRule rules[] = {UpdateRule::sgd,     UpdateRule::momentum, UpdateRule::nesterov, UpdateRule::adagrad,
                                UpdateRule::rmsprop, UpdateRule::adam,     UpdateRule::adamw};

bool has_moment1(UpdateRule rule) {
  return rule == UpdateRule::momentum || rule == UpdateRule::nesterov || rule == UpdateRule::adam ||
         rule == UpdateRule::adamw;
}
bool has_moment2(UpdateRule rule) {
  return rule == UpdateRule::adagrad || rule == UpdateRule::rmsprop || rule == UpdateRule::adam ||
         rule == UpdateRule::adamw;
}

// The dtype of the suite is that of the working copy; f32 stands for none.
class UpdateTest : public KernelTest {
 protected:
  Update options(UpdateRule rule, int step) const {
    return {.rule = rule,
            .lr = 0.03f,
            .momentum = 0.9f,
            .beta1 = 0.8f,
            .beta2 = 0.95f,
            .epsilon = 1e-6f,
            .weight_decay = 0.1f,
            .bias1 = 1 - std::pow(0.8f, static_cast<float>(step)),
            .bias2 = 1 - std::pow(0.95f, static_cast<float>(step))};
  }
  void steps(std::int64_t size, Update (*change)(Update), UpdateRule rule) {
    Argument w = input({size}, DType::f32), m = input_of(Values(static_cast<std::size_t>(size)), {size}, DType::f32);
    Argument v = input_of(Values(static_cast<std::size_t>(size)), {size}, DType::f32), copy = output({size});
    for (int step = 1; step <= 3; ++step) {
      Argument g = input({size}, DType::f32, {-2, 2});
      const Update how = change(options(rule, step));
      both([&](Kernels& k, Side s) {
        k.update(w[s], dtype() == DType::f32 ? nullptr : &copy[s], has_moment1(rule) ? &m[s] : nullptr,
                 has_moment2(rule) ? &v[s] : nullptr, g[s], how);
      });
    }
    const int number = static_cast<int>(rule);
    EXPECT_TRUE(agrees(w)) << "rule " << number << " size " << size;
    EXPECT_TRUE(agrees(m)) << "rule " << number << " size " << size;
    EXPECT_TRUE(agrees(v)) << "rule " << number << " size " << size;
    if (dtype() == DType::f32) return;
    const Tensor rounded = tensor_of(device(), values_of(w[Side::tested]), {size}, dtype());
    EXPECT_TRUE(same_bits(copy[Side::tested], rounded)) << "rule " << number << " size " << size;
    EXPECT_TRUE(copy.guarded().intact());
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, UpdateTest, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(UpdateTest, EveryRuleAgreesOverThreeSteps) {
  for (UpdateRule rule : rules)
    for (std::int64_t size : odd_sizes)
      steps(
          size, [](Update how) { return how; }, rule);
}

TEST_P(UpdateTest, GradientsAreScaledThenClippedThenPenalised) {
  for (UpdateRule rule : rules) {
    steps(
        1000, [](Update how) { return how.gradient_scale = 0.125f, how; }, rule);
    steps(
        1000, [](Update how) { return how.gradient_scale = 0.5f, how.clip_value = 0.3f, how; }, rule);
    steps(
        1000, [](Update how) { return how.l1 = 0.2f, how; }, rule);
    steps(
        1000, [](Update how) { return how.l2 = 0.3f, how; }, rule);
    steps(
        1000,
        [](Update how) { return how.gradient_scale = 2.0f, how.clip_value = 1.5f, how.l1 = 0.1f, how.l2 = 0.2f, how; },
        rule);
  }
}

TEST_P(UpdateTest, AWeightOfZeroFeelsNoL1) {
  Tensor w = tensor_of(device(), {0, 1, -1}, {3}, DType::f32);
  const Tensor g = tensor_of(device(), {0, 0, 0}, {3}, DType::f32);
  tested().update(w, nullptr, nullptr, nullptr, g, {.rule = UpdateRule::sgd, .lr = 0.5f, .l1 = 0.5f});
  EXPECT_EQ(values_of(w), (Values{0, 0.75, -0.75}));
}

}  // namespace
}  // namespace trireme::test
