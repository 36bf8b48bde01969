#include "parallel/training/average.h"

#include <algorithm>

namespace trireme::parallel {
namespace {

nn::FlatOptions like_the_player(Backend& backend, const Axis& data, const PlayerOptions& options) {
  nn::FlatOptions flat = flat_options(backend, sharding_axis(data, options), options);
  flat.gradients = false;
  return flat;
}

}  // namespace

Average::Average(nn::Module& module, Player& player, Backend& backend, const Axis& data, const PlayerOptions& options,
                 float decay)
    : parameters(module, *backend.device, *backend.kernels, like_the_player(backend, data, options)),
      player_(player),
      decay_(decay),
      gathered_(parameters, sharding_axis(data, options)),
      optimizer_(parameters, {.rule = UpdateRule::sgd}) {
  require(parameters.owned().size() == player.parameters.owned().size() &&
              parameters.size() == player.parameters.size() && decay >= 0.0f && decay < 1.0f,
          "average", "expected a network like the player's and a decay from 0 to below 1, found", decay);
  parameters.buffers.initialise(*backend.kernels, options.seed);
  mix(1.0f);
  weights_changed();
}

void Average::follow(std::int64_t step) {
  const auto now = static_cast<float>(step);
  mix(1.0f - std::min(decay_, (1.0f + now) / (10.0f + now)));
}

void Average::mix(float share) {
  Kernels& kernels = parameters.kernels();
  const auto towards = [&](Tensor mine, const Tensor& theirs) {
    kernels.scale(mine, mine, 1.0f - share, nullptr);
    kernels.axpy(mine, theirs, share, nullptr);
  };
  for (std::size_t i = 0; i < parameters.owned().size(); ++i)
    towards(parameters.owned()[i].weights, player_.parameters.owned()[i].weights);
  if (parameters.buffers.values) towards(parameters.buffers.values, player_.parameters.buffers.values);
}

void Average::weights_changed() {
  parameters.refresh_compute();
  gathered_.all_changed();
  gathered_.finish();
}

State Average::state(const Holding& holding) {
  return {.parameters = parameters,
          .optimizer = optimizer_,
          .loss_scale = loss_scale_,
          .holding = holding,
          .name = "average"};
}

}  // namespace trireme::parallel
