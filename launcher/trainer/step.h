// One training step, in the order in which the data flows.
#pragma once

#include <cstdint>
#include <functional>

#include "launcher/trainer/player.h"
#include "launcher/trainer/task.h"
#include "parallel/mesh/mesh.h"
#include "runtime/data/loader.h"

namespace trireme::launcher {

// How a global batch is divided into equal shares: one per micro-batch and rank.
struct BatchPlan {
  std::int64_t global = 1;  // samples per step, over all ranks
  std::int64_t micro = 1;   // samples per pass on one rank
  std::int64_t micros = 1;  // passes per step on one rank
};
// `micro` 0 means one pass. Throws, with the arithmetic, if the sizes do not divide.
BatchPlan plan_batch(std::int64_t global, std::int64_t micro, std::int64_t ranks);

struct StepReport {
  double loss = 0.0;  // mean over the global batch
  UpdateReport update;
  bool stop = false;  // some rank asked to stop; the same on every rank
};

// Gives a share of the global batch of `step`.
using BatchSource = std::function<data::Batch(std::int64_t step, data::Share share)>;

struct StepContext {
  Backend& backend;
  const parallel::Axis& data;
  Task& task;
  Player& player;
  BatchPlan plan;
  std::uint64_t seed = 0;
};

// `stop` is this rank's wish to end after this step; the answer is in the report.
StepReport train_step(StepContext& run, std::int64_t step, const BatchSource& batches, bool stop);

// The mean loss over `samples` samples, spread over the ranks; nothing is updated.
double evaluate(StepContext& run, std::int64_t samples, const BatchSource& batches);

}  // namespace trireme::launcher
