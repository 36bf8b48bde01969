#include "runtime/kernels/recurrent_kernels.h"

#include <optional>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Recurrent : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Recurrent, ::testing::ValuesIn(every_dtype()), test_name);

constexpr Cell all_cells[] = {Cell::rnn_tanh, Cell::rnn_relu, Cell::lstm, Cell::gru};

struct Case {
  std::int64_t steps, rows, units;
  bool reverse = false;
  bool begins = true;  // with a state, and biases
  std::vector<std::int32_t> lengths = {};
};
const std::vector<Case> cases{{1, 1, 1},
                              {3, 2, 5, true},
                              {2, 7, 17, false, false},
                              {3, 3, 6, false, true, {2, 3, 0}},
                              {4, 3, 4, true, true, {4, 0, 1}},
                              {2, 2, 130, true, false, {1, 2}}};

// The arguments that both passes have.
struct Inputs {
  Argument weight, input_bias, bias, state, cell_state;
  std::optional<Argument> lengths;

  Recurrence how(const Case& c, Cell cell, Side side) {
    Recurrence how{.cell = cell, .reverse = c.reverse, .weight = &weight[side]};
    if (lengths) how.lengths = &(*lengths)[side];
    if (!c.begins) return how;
    how.input_bias = &input_bias[side];
    how.bias = &bias[side];
    how.state = &state[side];
    if (cell == Cell::lstm) how.cell_state = &cell_state[side];
    return how;
  }
};

TEST_P(Recurrent, StepsAgree) {
  for (const Cell cell : all_cells) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(name_of(cell)) + " of " + std::to_string(c.units) + (c.reverse ? " backwards" : ""));
      const std::int64_t width = gates_of(cell) * c.units;
      const float size = 1.0f / std::sqrt(static_cast<float>(c.units));
      const Shape row{c.rows, c.units}, all{c.steps, c.rows, c.units};
      Inputs in{input({width, c.units}, {-size, size}),
                input({width}),
                input({width}),
                input(row),
                input(row, DType::f32),
                c.lengths.empty() ? std::nullopt : std::optional(ids_of(c.lengths, {c.rows}))};
      Argument gates = input({c.steps, c.rows, width}, {-2, 2}), y = output(all), cells = output(all, DType::f32);
      const bool keeps = cell == Cell::lstm || cell == Cell::gru;
      both([&](Kernels& k, Side s) {
        k.recurrent().run(y[s], gates[s], keeps ? &cells[s] : nullptr, in.how(c, cell, s));
      });
      EXPECT_TRUE(agrees(y, 4));
      if (c.lengths.empty()) {
        EXPECT_TRUE(agrees(gates, 4));
      }
      if (cell == Cell::lstm || (keeps && c.lengths.empty())) {
        EXPECT_TRUE(agrees(cells, 8 * rounding_of(dtype())));  // of states that were rounded
      }
    }
  }
}

TEST_P(Recurrent, GradientsAgree) {
  for (const Cell cell : all_cells) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(name_of(cell)) + " of " + std::to_string(c.units) + (c.reverse ? " backwards" : ""));
      const std::int64_t width = gates_of(cell) * c.units;
      const float size = 1.0f / std::sqrt(static_cast<float>(c.units));
      const Shape row{c.rows, c.units}, all{c.steps, c.rows, c.units};
      Inputs in{input({width, c.units}, {-size, size}),
                input({width}),
                input({width}),
                input(row),
                input(row, DType::f32),
                c.lengths.empty() ? std::nullopt : std::optional(ids_of(c.lengths, {c.rows}))};
      const bool keeps = cell == Cell::lstm || cell == Cell::gru;
      Argument gates = input({c.steps, c.rows, width}, {-0.5, 0.9}), y = input(all), cells = input(all, DType::f32);
      Argument sums = output({c.steps, c.rows, width}), dy = input(all), dstate = input(row, DType::f32),
               dcell = input(row, DType::f32);
      const bool fed = c.units != 17;
      both([&](Kernels& k, Side s) {
        k.recurrent().run_grad(gates[s], cell == Cell::gru ? &sums[s] : nullptr, dstate[s],
                               cell == Cell::lstm ? &dcell[s] : nullptr, fed ? &dy[s] : nullptr, y[s],
                               keeps ? &cells[s] : nullptr, in.how(c, cell, s));
      });
      EXPECT_TRUE(agrees(gates, 4));
      if (cell == Cell::gru) {
        EXPECT_TRUE(agrees(sums, 4));
      }
      if (cell == Cell::lstm) {
        EXPECT_TRUE(agrees(dcell, 4 * rounding_of(dtype())));
      }
      if (c.begins) {
        EXPECT_TRUE(agrees(dstate, 4 * rounding_of(dtype())));
      }
    }
  }
}

TEST_P(Recurrent, SwapsOuterDimensions) {
  for (const Shape& shape : {Shape{3, 5, 4}, Shape{1, 7, 3}, Shape{6, 2, 17}}) {
    Argument x = input(shape), y = output({shape[1], shape[0], shape[2]});
    both([&](Kernels& k, Side s) { k.recurrent().swap(y[s], x[s]); });
    EXPECT_TRUE(agrees(y, Tolerance{})) << shape;
  }
  Argument ids_in = ids({4, 3}, 100), turned = output({3, 4}, DType::i32);
  both([&](Kernels& k, Side s) { k.recurrent().swap(turned[s], ids_in[s]); });
  EXPECT_EQ(to_host<std::int32_t>(turned[Side::tested]), to_host<std::int32_t>(turned[Side::oracle]));
}

}  // namespace
}  // namespace trireme::test
