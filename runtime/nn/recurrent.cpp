#include "runtime/nn/recurrent.h"

#include <cmath>
#include <string>

#include "runtime/device/timeline.h"
#include "runtime/ops/embedding.h"
#include "runtime/ops/linear.h"

namespace trireme::nn {
namespace {

Init initial(std::int64_t units) {
  return Init::uniform(1.0f / std::sqrt(static_cast<float>(units)));
}

Shape weight_shape(std::int64_t in, std::int64_t units, Cell cell) {
  require(in > 0 && units > 0, "recurrent", "expected positive sizes, found", in, "->", units);
  return {gates_of(cell) * units, in};
}

double work_of(const Parameter& weight) {
  return 2.0 * static_cast<double>(weight.numel());
}

}  // namespace

RecurrentLayer::RecurrentLayer(std::int64_t in, std::int64_t units, const RecurrentLayerOptions& options)
    : weight_ih(weight_shape(in, units, options.cell), initial(units)),
      weight_hh(weight_shape(units, units, options.cell), initial(units)),
      bias_ih({gates_of(options.cell) * units}, initial(units)),
      bias_hh({gates_of(options.cell) * units}, initial(units)),
      options_(options) {
  add("weight_ih", weight_ih);
  add("weight_hh", weight_hh);
  if (!options.bias) return;
  add("bias_ih", bias_ih);
  add("bias_hh", bias_hh);
}

Tensor RecurrentLayer::project(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::linear(cx, x, weight_ih.tensor(), {});
}

Tensor RecurrentLayer::project(Context& cx, const Tensor& ids, const Tensor& table) {
  if (table.size(0) >= ids.numel()) return project(cx, ops::embedding(cx, ids, table));
  return ops::embedding(cx, ids, project(cx, table));
}

Tensor RecurrentLayer::steps(Context& cx, const Tensor& projected, RecurrentState* state, const Tensor& lengths) {
  const TimeRange range(cx.device, path());
  ops::RecurrentOptions how{
      .cell = options_.cell, .reverse = options_.reverse, .weight = weight_hh.tensor(), .lengths = lengths};
  if (options_.bias) {
    how.input_bias = bias_ih.tensor();
    how.bias = bias_hh.tensor();
  }
  if (state) {
    how.state = state->state;
    how.cell_state = state->cell_state;
  }
  const ops::Recurred out = ops::recurrent(cx, projected, how);
  if (state) *state = {out.state, out.cell_state};
  return out.y;
}

Tensor RecurrentLayer::forward(Context& cx, const Tensor& x, RecurrentState* state, const Tensor& lengths) {
  return steps(cx, project(cx, x), state, lengths);
}

Tensor RecurrentLayer::forward(Context& cx, const Tensor& ids, const Tensor& table, RecurrentState* state,
                               const Tensor& lengths) {
  return steps(cx, project(cx, ids, table), state, lengths);
}

Recurrent::Recurrent(std::int64_t in, std::int64_t units, const RecurrentOptions& options)
    : dropout_(options.dropout), directions_(options.bidirectional ? 2 : 1) {
  require(options.layers > 0, "recurrent", "expected layers, found", options.layers);
  for (std::int64_t level = 0; level < options.layers; ++level)
    for (std::int64_t direction = 0; direction < directions_; ++direction) {
      layers_.push_back(std::make_unique<RecurrentLayer>(
          level == 0 ? in : directions_ * units, units,
          RecurrentLayerOptions{.cell = options.cell, .bias = options.bias, .reverse = direction == 1}));
      add("layers." + std::to_string(level) + (direction == 1 ? ".reverse" : ""), *layers_.back());
    }
}

Recurrent::Output Recurrent::forward(Context& cx, const Tensor& x, const std::vector<RecurrentState>& states,
                                     const Tensor& lengths) {
  require(states.empty() || states.size() == layers_.size(), "recurrent", "expected", layers_.size(), "states, found",
          states.size());
  Output out{.y = x, .states = states};
  out.states.resize(layers_.size());
  const std::size_t levels = layers_.size() / static_cast<std::size_t>(directions_);
  for (std::size_t level = 0; level < levels; ++level) {
    if (level > 0) out.y = ops::dropout_of_steps(cx, out.y, dropout_, path() + "." + std::to_string(level));
    RecurrentState* state = &out.states[level * static_cast<std::size_t>(directions_)];
    const Tensor onwards = layer(level, 0).forward(cx, out.y, state, lengths);
    out.y = directions_ == 1 ? onwards
                             : ops::concatenate(cx, onwards, layer(level, 1).forward(cx, out.y, state + 1, lengths));
  }
  return out;
}

double Recurrent::flops(std::int64_t steps) const {
  double total = 0.0;
  for (const auto& layer : layers_)
    total += static_cast<double>(steps) * (work_of(layer->weight_ih) + work_of(layer->weight_hh));
  return total;
}

std::vector<RecurrentState> detached(const std::vector<RecurrentState>& states) {
  std::vector<RecurrentState> result;
  for (const RecurrentState& state : states) result.push_back(state.detached());
  return result;
}

}  // namespace trireme::nn
