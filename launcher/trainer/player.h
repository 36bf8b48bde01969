// A network and everything that trains it: one in the usual case, two in a GAN.
#pragma once

#include <memory>

#include "parallel/replicate/buckets.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/optim/optimizer.h"
#include "runtime/optim/scaler.h"
#include "runtime/optim/schedule.h"

namespace trireme::launcher {

struct PlayerOptions {
  DType compute = DType::f32;
  optim::OptimizerConfig optimizer;
  optim::Schedule schedule;
  optim::LossScale loss_scale;
  float clip_norm = 0.0f;  // of the gradients over all parameters; 0 is off
  std::uint64_t seed = 0;  // of the initial parameters
  std::int64_t bucket_bytes = parallel::BucketOptions{}.bytes;
};

struct UpdateReport {
  double gradient_norm = 0.0;  // before clipping, after unscaling
  double lr = 0.0;
  bool skipped = false;        // a gradient was not finite: nothing was updated
};

class Player {
 public:
  // Parameters are drawn, not loaded. Collective over the data axis.
  Player(nn::Module& module, Backend& backend, const parallel::Axis& data, const PlayerOptions& options);

  // Before the backward pass of micro-batch `micro` of `micros`.
  void begin(std::int64_t micro, std::int64_t micros);
  // After the last one: waits for the reduction, clips, updates (or skips). `step` chooses the learning rate.
  UpdateReport finish(std::int64_t step);

  nn::FlatParameters parameters;
  optim::Optimizer optimizer;
  optim::LossScale loss_scale;

 private:
  PlayerOptions options_;
  parallel::Buckets buckets_;
  Tensor square_;  // f64: the norm's square
};

}  // namespace trireme::launcher
