#include "models/recurrent/recurrent.h"

#include <string>
#include <utility>

#include "runtime/device/timeline.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/loss.h"
#include "runtime/ops/recurrent.h"

namespace trireme::models {
namespace {

// One of the states that a cache holds, as operations read it; c stays in fp32.
Tensor state_of(Context& cx, const nn::KeyValueCache& cache, std::int64_t which, DType dtype) {
  const Tensor state = cache.rows.rows(which, which + 1).view({cache.rows.size(1), cache.rows.size(2)});
  return state.dtype() == dtype ? state : ops::cast(cx, state, dtype);
}

void keep(Context& cx, nn::KeyValueCache& cache, std::int64_t which, const Tensor& state) {
  Tensor place = cache.rows.rows(which, which + 1).view(state.shape());
  cx.kernels.cast(place, state);
}

}  // namespace

void check(const RecurrentConfig& c) {
  require(c.layers > 0 && c.width > 0 && c.sequence > 0 && c.vocabulary > 0, "recurrent",
          "expected positive sizes, found", c.layers, "layers, width", c.width, "sequence", c.sequence, "vocabulary",
          c.vocabulary);
}

DecoderSizes sizes_of(const RecurrentConfig& config) {
  return {.layers = config.layers,
          .width = config.width,
          .sequence = config.sequence,
          .vocabulary = config.vocabulary,
          .block_weights = 2 * gates_of(config.cell) * config.width * config.width,
          .recompute = config.recompute,
          .attends = false};
}

std::vector<parallel::AxisRule> mesh_rules(const RecurrentConfig&) {
  using Kind = parallel::AxisRule::Kind;
  const auto whole = [](const char* axis) {
    return parallel::AxisRule{
        .axis = axis, .kind = Kind::at_most, .number = 1, .what = "rank that holds a recurrent model"};
  };
  return {whole("tensor"), whole("pipeline")};
}

Recurrent::Recurrent(const RecurrentConfig& config)
    : Decoder((check(config), sizes_of(config)), {{.begin = 0, .end = config.layers}}),
      config_(config),
      tokens(config.vocabulary, config.width, nn::Init::normal(1.0f)),
      output(config.width, config.vocabulary) {
  add("token_embedding", tokens);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    layers.push_back(std::make_unique<nn::RecurrentLayer>(config.width, config.width,
                                                          nn::RecurrentLayerOptions{.cell = config.cell}));
    add("layers." + std::to_string(layer), *layers.back());
  }
  add("output", output);
  add("loss", head);
}

nn::Residual Recurrent::embed(Context& cx, const Tensor& ids, std::int64_t) {
  return {layers.front()->project(cx, ops::swap(cx, ids), tokens.weight.tensor()), {}};
}

nn::Residual Recurrent::run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) {
  nn::RecurrentLayer& layer = *layers[block];
  Tensor in = std::move(residual.stream);
  if (block > 0) in = layer.project(cx, ops::dropout_of_steps(cx, in, config_.dropout, layer.path() + ".dropout"));
  if (!cache) return {layer.steps(cx, in), {}};
  const bool lstm = config_.cell == Cell::lstm;
  nn::RecurrentState state{state_of(cx, *cache, 0, in.dtype()), lstm ? state_of(cx, *cache, 1, DType::f32) : Tensor{}};
  const Tensor y = layer.steps(cx, in, &state);
  keep(cx, *cache, 0, state.state);
  if (lstm) keep(cx, *cache, 1, state.cell_state);
  return {y, {}};
}

Tensor Recurrent::score(Context& cx, const Tensor& x, const Tensor& targets) {
  const TimeRange range(cx.device, head.path());
  return ops::linear_cross_entropy(cx, x, output.weight.tensor(), ops::swap(cx, targets), 0.0f, output.bias.tensor());
}

Tensor Recurrent::predict(Context& cx, const Tensor& x) {
  return ops::swap(cx, output.forward(cx, x));
}

std::vector<nn::KeyValueCache> Recurrent::make_caches(Device& device, DType, std::int64_t batch) const {
  std::vector<nn::KeyValueCache> caches;
  for (const auto& layer : layers)
    caches.push_back(
        {.rows = from_host<float>(device, std::vector<float>(static_cast<std::size_t>(2 * batch * layer->units())),
                                  {2, batch, layer->units()})});
  return caches;
}

}  // namespace trireme::models
