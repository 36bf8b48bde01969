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

// bf16 weights as this backend and the reference leave them; the same arithmetic but for fp32's rounding, so that a
// word may fall on the other side of a number now and then, in each of two steps.
TEST_P(UpdateTest, WeightsOfBf16AreRoundedWithTheReferencesRandomNumbers) {
  if (dtype() != DType::bf16) return;  // the suite's dtype plays no part
  for (UpdateRule rule : rules) {
    for (const Runs& runs : {Runs{}, Runs{.length = 10, .stride = 37}}) {
      const std::int64_t size = 1000;
      const Values start = random_values(size, 1), slope = random_values(size, 2, {-2, 2});
      const auto updated = [&](Kernels& kernels, Device& on) {
        Tensor w = tensor_of(on, start, {size}, DType::bf16);
        Tensor m = tensor_of(on, Values(1000), {size}, DType::f32), v = tensor_of(on, Values(1000), {size}, DType::f32);
        const Tensor g = tensor_of(on, slope, {size}, DType::f32);
        for (int step = 1; step <= 2; ++step) {
          Update how = options(rule, step);
          how.rounding = {.key = {5, 6}, .first = 1003, .step = step, .runs = runs};
          kernels.update(w, nullptr, has_moment1(rule) ? &m : nullptr, has_moment2(rule) ? &v : nullptr, g, how);
        }
        return values_of(w);
      };
      const Backend reference = make_backend("reference", 1);
      const Values got = updated(tested(), device()), want = updated(*reference.kernels, *reference.device);
      std::int64_t others = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        others += got[i] != want[i];
        ASSERT_LE(std::fabs(got[i] - want[i]), 0x1p-6 * std::fabs(want[i]) + 1e-6) << i;
      }
      EXPECT_LE(others, 10) << "rule " << static_cast<int>(rule);
    }
  }
}

// A step of an eighth of the distance between two numbers: rounded to nearest nothing would ever move.
TEST_P(UpdateTest, RandomRoundingKeepsTheMean) {
  if (dtype() != DType::bf16) return;
  constexpr std::int64_t size = 4096;
  constexpr int steps = 16;
  Tensor w = tensor_of(device(), Values(size, 1.5), {size}, DType::bf16);
  const Tensor g = tensor_of(device(), Values(size, 1.0), {size}, DType::f32);
  for (int step = 0; step < steps; ++step)
    tested().update(w, nullptr, nullptr, nullptr, g,
                    {.rule = UpdateRule::sgd, .lr = 0x1p-10f, .rounding = {.key = {1, 2}, .step = step}});
  double mean = 0.0;
  for (double value : values_of(w)) mean += value / size;
  // The distance is 2^-7; a sum of 16 roundings of 4096 elements has a deviation of about 2^-7 * 16^0.5 * 0.33 / 64.
  EXPECT_NEAR(mean, 1.5 - steps * 0x1p-10, 5 * 0x1p-7 * 4 * 0.33 / 64);
}

TEST_P(UpdateTest, AnElementIsRoundedAlikeWhereverItIsUpdated) {
  if (dtype() != DType::bf16) return;
  const std::int64_t size = 700;
  const Tensor g = random_tensor(device(), {size}, DType::f32, 8);
  const Update how{.rule = UpdateRule::sgd, .lr = 0.01f, .rounding = {.key = {3, 4}, .first = 6}};
  Tensor whole = random_tensor(device(), {size}, DType::bf16, 9),
         parts = random_tensor(device(), {size}, DType::bf16, 9);
  tested().update(whole, nullptr, nullptr, nullptr, g, how);
  for (const auto& [begin, end] : {std::pair{0, 3}, {3, 300}, {300, 301}, {301, 700}}) {
    Update part = how;
    part.rounding.first += begin;
    Tensor here = parts.range(begin, end);
    tested().update(here, nullptr, nullptr, nullptr, g.range(begin, end), part);
  }
  EXPECT_TRUE(same_bits(parts, whole));
  // Every third row of five, as one of some ranks has them.
  Tensor rows = random_tensor(device(), {size}, DType::bf16, 9);
  Update of_rows = how;
  of_rows.rounding.runs = {.length = 5, .stride = 15};
  tested().update(rows, nullptr, nullptr, nullptr, g, of_rows);
  const Values got = values_of(rows);
  for (std::int64_t row = 0; row < 140; ++row) {
    Tensor one = random_tensor(device(), {size}, DType::bf16, 9).range(5 * row, 5 * row + 5);
    Update alone = how;
    alone.rounding.first += 15 * row;
    tested().update(one, nullptr, nullptr, nullptr, g.range(5 * row, 5 * row + 5), alone);
    const Values want = values_of(one);
    for (std::size_t i = 0; i < 5; ++i) ASSERT_EQ(got[static_cast<std::size_t>(5 * row) + i], want[i]) << row;
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
