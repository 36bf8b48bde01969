// A network and everything that trains it: one in the usual case, two in a GAN.
#pragma once

#include <memory>

#include "parallel/replicate/buckets.h"
#include "parallel/replicate/gather.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/optim/optimizer.h"
#include "runtime/optim/scaler.h"
#include "runtime/optim/schedule.h"

namespace trireme::parallel {

struct PlayerOptions {
  DType compute = DType::f32;
  DType masters = DType::f32;  // bf16: none but the weights that are computed with, see nn::FlatOptions
  optim::OptimizerConfig optimizer{};
  optim::Schedule schedule{};
  optim::LossScale loss_scale{};
  float clip_norm = 0.0f;  // of the gradients over all parameters; 0 is off
  std::uint64_t seed = 0;  // of the initial parameters
  std::int64_t bucket_bytes = nn::FlatOptions{}.block_bytes;
  int zero = 0;  // level of sharding over the data axis, see nn::Sharding
  // That axis divided, to shard over the ranks inside a group alone; null: over all of it. Outlives the player.
  const DividedAxis* groups = nullptr;
  // Batch norm over the batches of the data axis together; otherwise over each rank's own, and the running statistics
  // are averaged after every step.
  bool shared_batch = true;
  // The axis whose ranks have pieces of the same parameters; null: every rank has all of them. Outlives the player.
  const Axis* tensor = nullptr;
};

// The ranks that have different parts of the state, by `options`; without sharding, the data axis. And the memory of
// such a state.
const Axis& sharding_axis(const Axis& data, const PlayerOptions& options);
nn::FlatOptions flat_options(Backend& backend, const Axis& shards, const PlayerOptions& options);

// The span of a timeline in which a rank waits for the gradients of others.
inline constexpr const char* waiting_span = "gradients of other ranks";

// The group of the two ranks whose stages hold the same parameter.
inline constexpr const char* shared_parameters = "shared parameters";

// Where a player stands among the stages of a pipeline.
struct PlayerStage {
  const Axis* axis = nullptr;  // null: there is one stage
  // A parameter that the ranks at both ends hold, or null: its gradients are added.
  nn::Parameter* shared = nullptr;
  bool counts_shared = true;  // its gradient counts for the norm here; on one of the two
};

class Player {
 public:
  // Parameters are drawn, not loaded. Collective over the axes.
  Player(nn::Module& module, Backend& backend, const Axis& data, const PlayerOptions& options,
         const PlayerStage& stage = {});

  // Before a step's work: tells the device the number of the step, its learning rate, and whether this rank was told to
  // stop. The only thing of a step that is not the same work every time.
  void set_step(std::int64_t step, bool stop);
  // Before the backward pass of micro-batch `micro` of `micros`.
  void begin(std::int64_t micro, std::int64_t micros);
  // Instead, where passes overlap: at the start of the step, and before its last backward pass.
  void begin_overlapping();
  void begin_last();
  // After the last one: reduces, clips, updates (or skips). Enqueues only; what came of it is in `state`.
  void finish();

  // Before a step is captured and whenever it is replayed: what the host believes to lie in memory that the replay
  // writes no longer counts.
  void before_replay() { gathered_.forget(); }

  // After the parameters were written by somebody else: what of it this rank owns. Collective over the data axis.
  void weights_changed();
  // Between the device's state and the numbers that a snapshot holds. Both wait for the device.
  void fetch_state();
  void store_state();

  nn::FlatParameters parameters;
  optim::Optimizer optimizer;
  optim::LossScale loss_scale;  // as of the last fetch_state()
  Tensor state;                 // StepState

 private:
  void add_shared();
  void add_held_by_others();
  void take_squares();
  void average_buffers();

  PlayerOptions options_;
  const Axis& data_;
  const Axis& shards_;  // the ranks that have different parts of the state; without sharding, the data axis
  GatheredWeights gathered_;
  Buckets buckets_;  // ends before what is gathered, for which it would wait
  PlayerStage stage_;
  std::unique_ptr<Group> ends_;  // of the shared parameter's holders
  Tensor squares_;               // f64: terms of the norm's square
};

}  // namespace trireme::parallel
