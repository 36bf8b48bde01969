// Gradients of the operations on sequences against central differences.
#include <gtest/gtest.h>

#include "runtime/ops/recurrent.h"
#include "tests/support/gradient_check.h"

namespace trireme {
namespace {

using test::expect_gradients;
using Inputs = std::vector<Tensor>;

struct Case {
  Cell cell;
  bool reverse;
  std::vector<std::int32_t> lengths;
};

class RecurrentGradient : public testing::TestWithParam<Case> {};

TEST_P(RecurrentGradient, MatchesDifferences) {
  constexpr std::int64_t steps = 3, batch = 2, units = 3;
  const Case& c = GetParam();
  const std::int64_t width = gates_of(c.cell) * units;
  const bool lstm = c.cell == Cell::lstm;
  std::vector<Shape> inputs{{steps, batch, width}, {width, units}, {width}, {width}, {batch, units}};
  if (lstm) inputs.push_back({batch, units});
  // Differences across relu's kink would be neither side's slope.
  const test::Range range = c.cell == Cell::rnn_relu ? test::Range{0.1, 0.5} : test::Range{-1.0, 1.0};
  expect_gradients({.inputs = inputs, .range = range}, [&](Context& cx, const Inputs& in) {
    ops::RecurrentOptions how{.cell = c.cell,
                              .reverse = c.reverse,
                              .weight = in[1],
                              .input_bias = in[2],
                              .bias = in[3],
                              .state = in[4],
                              .cell_state = lstm ? in[5] : Tensor{}};
    if (!c.lengths.empty()) how.lengths = from_host<std::int32_t>(cx.device, c.lengths, {batch});
    const ops::Recurred out = ops::recurrent(cx, in[0], how);
    // All outputs take part, the last states too.
    const Tensor end = lstm ? ops::multiply(cx, out.state, out.cell_state) : out.state;
    return ops::concatenate(cx, ops::reshape(cx, out.y, {1, steps * batch * units}),
                            ops::reshape(cx, end, {1, batch * units}));
  });
}
const auto case_name = [](const auto& info) {
  return std::string(name_of(info.param.cell)) + (info.param.reverse ? "_backwards" : "") +
         (info.param.lengths.empty() ? "" : "_of_lengths");
};
INSTANTIATE_TEST_SUITE_P(Ops, RecurrentGradient,
                         testing::Values(Case{Cell::rnn_tanh, false, {}}, Case{Cell::rnn_relu, true, {}},
                                         Case{Cell::lstm, false, {}}, Case{Cell::lstm, true, {1, 3}},
                                         Case{Cell::gru, false, {3, 2}}, Case{Cell::gru, true, {}}),
                         case_name);

TEST(RecurrentGradients, OfStepsWithoutStateAndBias) {
  expect_gradients({.inputs = {{1, 2, 8}, {8, 2}}},
                   [](Context& cx, const Inputs& in) { return ops::recurrent(cx, in[0], {.weight = in[1]}).y; });
  // Of an x that nobody else holds, in place, and of its own result.
  expect_gradients({.inputs = {{3, 2, 8}, {8, 2}}}, [](Context& cx, const Inputs& in) {
    return ops::recurrent(cx, ops::scale(cx, in[0], 2.0f), {.weight = in[1]}).y;
  });
}

TEST(RecurrentGradients, SwapConcatenateAndDropout) {
  expect_gradients({.inputs = {{2, 3, 4}}}, [](Context& cx, const Inputs& in) { return ops::swap(cx, in[0]); });
  expect_gradients({.inputs = {{2, 3, 4}, {2, 3, 2}}},
                   [](Context& cx, const Inputs& in) { return ops::concatenate(cx, in[0], in[1]); });
  Backend backend = make_backend("reference", 1);
  Context settings{*backend.device, *backend.kernels};
  settings.training = true;
  settings.samples = 3;
  expect_gradients({.inputs = {{2, 3, 4}}, .settings = &settings},
                   [](Context& cx, const Inputs& in) { return ops::dropout_of_steps(cx, in[0], 0.4f, "here"); });
}

}  // namespace
}  // namespace trireme
