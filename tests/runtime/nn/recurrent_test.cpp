// Recurrent layers against PyTorch (make_recurrent_reference.py) and against themselves.
#include "runtime/nn/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/ops/elementwise.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"

namespace trireme {
namespace {

using test::Values;
using States = std::vector<nn::RecurrentState>;
constexpr std::int64_t inputs = 3, units = 5;

const std::map<std::string, Values>& stored() {
  static const std::map<std::string, Values> all = [] {
    std::map<std::string, Values> lines;
    std::ifstream file(RECURRENT_REFERENCE);
    for (std::string text; std::getline(file, text);) {
      std::istringstream words(text);
      std::string name, what;
      words >> name >> what;
      Values& values = lines[name + " " + what];
      for (double value = 0; words >> value;) values.push_back(value);
    }
    return lines;
  }();
  return all;
}

Values wave(int k, std::int64_t count) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(0.6 * std::sin(1.7 * k + 0.91 * static_cast<double>(i)));
  return values;
}

Values fed(double pace, std::int64_t first, std::int64_t count) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(std::cos(pace * static_cast<double>(first + i)));
  return values;
}

struct Case {
  std::string name;
  nn::RecurrentOptions options;
  std::int64_t steps = 4, batch = 2;
  std::vector<std::int32_t> lengths = {};
  bool begins = true;
};
const std::vector<Case> cases{
    {"rnn_tanh", {.cell = Cell::rnn_tanh}},
    {"rnn_relu", {.cell = Cell::rnn_relu, .bias = false}, 3},
    {"lstm", {}},
    {"lstm_of_nothing", {.bias = false}, 1, 2, {}, false},
    {"lstm_deep", {.layers = 2}, 3},
    {"lstm_both_ways", {.layers = 2, .bidirectional = true}, 4, 3, {2, 4, 1}},
    {"gru", {.cell = Cell::gru}},
    {"gru_both_ways", {.cell = Cell::gru, .layers = 2, .bidirectional = true}, 4, 3, {3, 4, 1}},
};

struct Subject {
  std::string backend;
  Case what;
};
void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.what.name << " on " << subject.backend;
}

class RecurrentLayers : public testing::TestWithParam<Subject> {
 protected:
  Tensor tensor(const Values& values, const Shape& shape) {
    return test::tensor_of(*backend_.device, values, shape, DType::f32);
  }
  void agrees(const std::string& what, const Tensor& got, std::int64_t first = 0) {
    const std::string name = GetParam().what.name + " " + what;
    ASSERT_TRUE(stored().contains(name)) << name;
    const Values& all = stored().at(name);
    ASSERT_LE(first + got.numel(), std::ssize(all)) << name;
    EXPECT_TRUE(
        test::close(test::values_of(got), Values(all.begin() + first, all.begin() + first + got.numel()), {1e-5, 1e-6}))
        << name;
  }
  // Ones at the steps that sequences have.
  Tensor mask() {
    const Case& c = GetParam().what;
    const std::int64_t width = units * (c.options.bidirectional ? 2 : 1);
    Values values;
    for (std::int64_t t = 0; t < c.steps; ++t)
      for (std::int64_t b = 0; b < c.batch; ++b)
        values.insert(values.end(), static_cast<std::size_t>(width),
                      c.lengths.empty() || t < c.lengths[static_cast<std::size_t>(b)] ? 1.0 : 0.0);
    return tensor(values, {c.steps, c.batch, width});
  }

  Backend backend_ = make_backend(GetParam().backend, 1);
};

TEST_P(RecurrentLayers, AgreeWithPyTorch) {
  const Case& c = GetParam().what;
  const bool lstm = c.options.cell == Cell::lstm;
  nn::Recurrent net(inputs, units, c.options);
  nn::FlatParameters flat(net, *backend_.device, *backend_.kernels, {});
  int k = 0;
  for (nn::Parameter* p : net.parameters())
    backend_.kernels->cast(p->leaf.value, tensor(wave(++k, p->numel()), p->shape));
  flat.begin_step();
  Tape tape(*backend_.device, *backend_.kernels);
  Context cx{*backend_.device, *backend_.kernels, &tape, true};
  cx.samples = c.batch;
  const Tensor x = tape.input(tensor(wave(0, c.steps * c.batch * inputs), {c.steps, c.batch, inputs}));
  const std::int64_t levels = c.options.layers * (c.options.bidirectional ? 2 : 1), row = c.batch * units;
  const Values h = wave(100, levels * row), cell = wave(101, levels * row);
  States states;
  for (std::int64_t i = 0; c.begins && i < levels; ++i) {
    const auto part = [&](const Values& all) {
      return tape.input(tensor(Values(all.begin() + i * row, all.begin() + (i + 1) * row), {c.batch, units}));
    };
    states.push_back({part(h), lstm ? part(cell) : Tensor{}});
  }
  const Tensor lengths = c.lengths.empty() ? Tensor{} : from_host<std::int32_t>(*backend_.device, c.lengths, {c.batch});
  const nn::Recurrent::Output out = net.forward(cx, x, states, lengths);

  const Tensor y = ops::multiply(cx, out.y, mask());
  agrees("y", y);
  std::vector<Tensor> ends{y}, seeds{tensor(fed(0.37, 0, y.numel()), y.shape())};
  for (std::int64_t i = 0; i < levels; ++i) {
    const nn::RecurrentState& end = out.states[static_cast<std::size_t>(i)];
    agrees("state", end.state, i * row);
    ends.push_back(end.state);
    seeds.push_back(tensor(fed(0.23, i * row, row), end.state.shape()));
    if (!lstm) continue;
    agrees("cell", end.cell_state, i * row);
    ends.push_back(end.cell_state);
    seeds.push_back(tensor(fed(0.31, i * row, row), end.cell_state.shape()));
  }
  tape.backward(ends, seeds);
  agrees("dx", tape.take_gradient(x));
  for (std::int64_t i = 0; i < std::ssize(states); ++i) {
    agrees("dstate", tape.take_gradient(states[static_cast<std::size_t>(i)].state), i * row);
    if (lstm) agrees("dcell", tape.take_gradient(states[static_cast<std::size_t>(i)].cell_state), i * row);
  }
  k = 0;
  for (nn::Parameter* p : net.parameters()) agrees("d" + std::to_string(++k), p->leaf.gradient);
}

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  for (const Case& c : cases)
    for (const char* backend : {"cpu", "reference"}) all.push_back({backend, c});
  return all;
}
const auto subject_name = [](const auto& info) { return info.param.what.name + "_" + info.param.backend; };
INSTANTIATE_TEST_SUITE_P(Nn, RecurrentLayers, testing::ValuesIn(subjects()), subject_name);

// A model with memory, on the cpu.
struct Net {
  explicit Net(const nn::RecurrentOptions& options) : net(inputs, units, options) { flat.initialise(3); }
  Context context(Tape* tape = nullptr) {
    Context cx{*backend.device, *backend.kernels, tape, tape != nullptr};
    cx.seed = 5;
    return cx;
  }
  Tensor random(const Shape& shape, std::uint64_t seed) {
    return test::random_tensor(*backend.device, shape, DType::f32, seed);
  }

  Backend backend = make_backend("cpu", 2);
  nn::Recurrent net;
  nn::FlatParameters flat{net, *backend.device, *backend.kernels, {}};
};

TEST(Recurrent, ReadsOnWhereItEnded) {
  for (const Cell cell : {Cell::rnn_tanh, Cell::lstm, Cell::gru}) {
    Net model({.cell = cell, .layers = 2});
    Context cx = model.context();
    const Tensor x = model.random({6, 3, inputs}, 1);
    const Tensor whole = model.net.forward(cx, x).y;
    States states;
    for (std::int64_t begin = 0; begin < 6; begin += 2) {
      nn::Recurrent::Output out = model.net.forward(cx, x.rows(begin, begin + 2), states);
      EXPECT_TRUE(test::close(out.y, whole.rows(begin, begin + 2), {1e-6, 1e-7}));
      states = nn::detached(out.states);
    }
  }
}

TEST(Recurrent, GradientsEndWhereTheStateIsDetached) {
  Net model({});
  Tape tape(*model.backend.device, *model.backend.kernels);
  Context cx = model.context(&tape);
  model.flat.begin_step();
  const Tensor before = tape.input(model.random({2, 3, inputs}, 1)), x = tape.input(model.random({2, 3, inputs}, 2));
  nn::Recurrent::Output first = model.net.forward(cx, before);
  const Tensor y = model.net.forward(cx, x, nn::detached(first.states)).y;
  tape.backward(y, model.random(y.shape(), 4));
  EXPECT_FALSE(tape.take_gradient(before));
  const Tensor cut = tape.take_gradient(x), weight = model.net.parameters()[0]->leaf.gradient;
  const Values of_weight = test::values_of(weight);
  tape.clear();

  // The same as of a batch alone that begins with those numbers.
  model.flat.begin_step();
  const Tensor again = tape.input(model.random({2, 3, inputs}, 2));
  const Tensor alone = model.net.forward(cx, again, nn::detached(first.states)).y;
  tape.backward(alone, model.random(alone.shape(), 4));
  EXPECT_TRUE(test::same_bits(tape.take_gradient(again), cut));
  EXPECT_EQ(test::values_of(weight), of_weight);
  tape.clear();

  // And with the state they go on.
  model.flat.begin_step();
  const Tensor far = tape.input(model.random({2, 3, inputs}, 1));
  first = model.net.forward(cx, far);
  const Tensor through = model.net.forward(cx, model.random({2, 3, inputs}, 2), first.states).y;
  tape.backward(through, model.random(through.shape(), 4));
  EXPECT_TRUE(tape.take_gradient(far));
}

TEST(Recurrent, ATableIsProjectedInsteadOfManyIds) {
  nn::RecurrentLayer layer(inputs, units);
  Backend backend = make_backend("cpu", 1);
  nn::FlatParameters flat(layer, *backend.device, *backend.kernels, {});
  flat.initialise(1);
  const std::vector<std::int32_t> numbers{0, 3, 1, 3, 2, 2, 0, 1, 1, 3};
  const Tensor ids = from_host<std::int32_t>(*backend.device, numbers, {5, 2});
  std::vector<Tensor> results;
  for (const std::int64_t rows : {4, 400}) {  // fewer than ids, and more
    Values values = wave(7, 4 * inputs);
    values.resize(static_cast<std::size_t>(rows * inputs));
    Tape tape(*backend.device, *backend.kernels);
    Context cx{*backend.device, *backend.kernels, &tape, true};
    flat.begin_step();
    const Tensor table = tape.input(test::tensor_of(*backend.device, values, {rows, inputs}, DType::f32));
    const Tensor y = layer.forward(cx, ids, table, nullptr);
    tape.backward(y, test::tensor_of(*backend.device, fed(0.37, 0, y.numel()), y.shape(), DType::f32));
    results.push_back(y);
    results.push_back(tape.take_gradient(table).rows(0, 4));
    results.push_back(test::tensor_of(*backend.device, test::values_of(layer.weight_ih.leaf.gradient),
                                      layer.weight_ih.shape, DType::f32));
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(test::close(results[i], results[i + 3], {1e-5, 1e-6})) << i;
}

TEST(Recurrent, DropoutIsThatOfTheSampleWhoeverComputesIt) {
  Net model({.cell = Cell::gru, .layers = 3, .dropout = 0.5f});
  Tape tape(*model.backend.device, *model.backend.kernels);
  const Tensor x = model.random({4, 1, inputs}, 1);
  Context one = model.context(&tape);
  one.first_sample = 2;
  const Tensor alone = model.net.forward(one, x).y;
  // The same sample as the third of four.
  Values all;
  for (std::int64_t t = 0; t < 4; ++t)
    for (int sample = 0; sample < 4; ++sample)
      for (const double value : test::values_of(x.rows(t, t + 1))) all.push_back(sample == 2 ? value : 0.3 * sample);
  Context four = model.context(&tape);
  four.samples = 4;
  const Tensor together =
      model.net.forward(four, test::tensor_of(*model.backend.device, all, {4, 4, inputs}, DType::f32)).y;
  for (std::int64_t t = 0; t < 4; ++t) {
    const Tensor rows = together.rows(t, t + 1).view({4, units});
    EXPECT_TRUE(test::close(rows.rows(2, 3), alone.rows(t, t + 1).view({1, units}), {1e-6, 1e-7})) << t;
  }
  const Tensor whole = model.net.forward(one, x).y;
  one.step = 1;
  EXPECT_TRUE(test::same_bits(whole, alone));
  EXPECT_FALSE(test::same_bits(model.net.forward(one, x).y, alone));
}

TEST(Recurrent, RefusesWhatDoesNotFit) {
  Net model({});
  Context cx = model.context();
  EXPECT_THROW(model.net.forward(cx, model.random({4, 2, inputs + 1}, 1)), Error);
  EXPECT_THROW(model.net.forward(cx, model.random({4, 2, inputs}, 1), States(2)), Error);
  EXPECT_THROW(model.net.forward(cx, model.random({4, 2, inputs}, 1), States{{model.random({3, units}, 1), {}}}),
               Error);
  EXPECT_THROW(nn::Recurrent(0, units), Error);
  EXPECT_THROW(nn::Recurrent(inputs, units, {.layers = 0}), Error);
}

}  // namespace
}  // namespace trireme
