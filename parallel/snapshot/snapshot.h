// Saving and loading training state over ranks: who writes what, and how it is put together again.
// The files know nothing of ranks: tensors have global names and global offsets, so any number of ranks loads them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "collectives/group/group.h"
#include "runtime/nn/flat.h"
#include "runtime/optim/optimizer.h"
#include "runtime/optim/scaler.h"
#include "runtime/store/checkpoint.h"

namespace trireme::parallel {

// What a rank has of a state, beside what FlatParameters says about shards and pieces.
struct Holding {
  int copy = 0, copies = 0;  // ranks that hold the same, which share the writing, and which of them this is; 0: all do
  int twin = 0, twins = 1;   // likewise, of the ranks that have other pieces, and hold alike what is in no pieces
  bool whole = true;         // every parameter of the model, not those of a pipeline's stage alone
  const nn::Parameter* saved_elsewhere = nullptr;  // a parameter that a rank with another holding saves
};

// What is saved: references to the state of one network's training.
struct State {
  nn::FlatParameters& parameters;
  optim::Optimizer& optimizer;
  optim::LossScale& loss_scale;
  Holding holding{};
  // Of several networks that are saved together, which have no parameter of the same name; empty where there is one.
  std::string_view name{};
};
// All networks of a run.
using States = std::span<const State>;

// Saves `state` after `step` steps as the checkpoint folder `path`. Every rank writes an equal part of the elements, or
// the part that it alone has; the checkpoint appears whole or, with the same Error on every rank, not at all.
// Collective; uses `group` on `stream`. Tensors: "<parameter>" in the files model-*, "optimizer.moment1.<parameter>"
// and "...moment2..." in optimizer-*.
void save_state(const std::string& path, std::int64_t step, States states, store::Metadata metadata, Group& group,
                Stream& stream);
inline void save_state(const std::string& path, std::int64_t step, const State& state, store::Metadata metadata,
                       Group& group, Stream& stream) {
  save_state(path, step, States(&state, 1), std::move(metadata), group, stream);
}

// Loads everything a run needs to go on as if it had not stopped, or this rank's part of it. Every parameter must be
// there with its shape, and the optimizer's rule must be the one that was saved.
void load_state(const store::CheckpointReader& checkpoint, States states);
inline void load_state(const store::CheckpointReader& checkpoint, const State& state) {
  load_state(checkpoint, States(&state, 1));
}
// The parameters alone: for generation, evaluation, or a new run. Those of one network of several, or all there are.
enum class Networks : std::uint8_t { one, several };
void load_parameters(const store::CheckpointReader& checkpoint, nn::FlatParameters& parameters,
                     Networks saved = Networks::one);

}  // namespace trireme::parallel
