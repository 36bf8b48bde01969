// The moving average of a network that is being trained: what a GAN draws with in the end.
#pragma once

#include <cstdint>

#include "parallel/replicate/gather.h"
#include "parallel/snapshot/snapshot.h"
#include "parallel/training/player.h"

namespace trireme::parallel {

// Holds, on each rank, the same parts of the weights as the player does of its own, and all of the module's buffers.
class Average {
 public:
  // `module` is another of the same kind as the player's; it receives memory, and the player's weights. The player, and
  // what `options` name, which are the player's, outlive it. Collective over the axis.
  Average(nn::Module& module, Player& player, Backend& backend, const Axis& data, const PlayerOptions& options,
          float decay);

  // After the player's update of `step`: average = decay average + (1 - decay) weights, with no more decay than
  // (1 + step) / (10 + step), so that what it began with is soon forgotten. Enqueues only.
  void follow(std::int64_t step);
  // After the weights were written by somebody else, and before they are read when they have followed. Collective.
  void weights_changed();
  // For a snapshot.
  State state(const Holding& holding);

  nn::FlatParameters parameters;

 private:
  void mix(float share);

  Player& player_;
  float decay_;
  GatheredWeights gathered_;
  // A snapshot's: it has no state of an optimizer.
  optim::Optimizer optimizer_;
  optim::LossScale loss_scale_{};
};

}  // namespace trireme::parallel
