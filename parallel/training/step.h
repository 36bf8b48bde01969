// One training step, in the order in which the data flows.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "parallel/mesh/mesh.h"
#include "parallel/pipeline/engine.h"
#include "parallel/training/player.h"
#include "parallel/training/records.h"
#include "parallel/training/task.h"
#include "runtime/data/loader.h"

namespace trireme::parallel {

// How a global batch is divided into equal shares: one per micro-batch and rank.
struct BatchPlan {
  std::int64_t global = 1;  // samples per step, over all ranks
  std::int64_t micro = 1;   // samples per pass on one rank
  std::int64_t micros = 1;  // passes per step on one rank
};
// `micro` 0 means one pass. Throws, with the arithmetic, if the sizes do not divide.
BatchPlan plan_batch(std::int64_t global, std::int64_t micro, std::int64_t ranks);

// Of the second of two networks that play against each other.
struct OpponentReport {
  double loss = 0.0;
  double gradient_norm = 0.0;
  double lr = 0.0;
};

struct StepReport {
  double loss = 0.0;           // mean over the global batch
  double gradient_norm = 0.0;  // before clipping, after unscaling
  double lr = 0.0;
  bool skipped = false;  // a gradient was not finite: nothing was updated
  bool stop = false;     // some rank asked to stop; the same on every rank
  std::optional<OpponentReport> opponent = std::nullopt;
};

// Gives a share of the global batch of `step`.
using BatchSource = std::function<data::Batch(std::int64_t step, data::Share share)>;

struct StepContext {
  Backend& backend;
  const Axis& data;
  Task& task;
  Player& player;
  BatchPlan plan;
  std::uint64_t seed = 0;
  PipelineEngine* pipeline = nullptr;  // the task's stages, where there are several
  const Axis* tensor = nullptr;        // the ranks that share each layer, where there are several
  bool capture = true;  // replay the step on devices that can (CUDA graphs); off: every kernel is launched every time
};

// A step that has been enqueued. Its report waits for the device.
class StepResult {
 public:
  // Makes a report of what the device left in host memory; of null where there are no data.
  using Read = StepReport (*)(const std::byte* bytes);

  StepResult() = default;
  StepResult(std::shared_ptr<Storage> host, Event done, Read read)
      : host_(std::move(host)), done_(std::move(done)), read_(read) {}

  explicit operator bool() const noexcept { return host_ != nullptr; }
  StepReport report() const;

 private:
  std::shared_ptr<Storage> host_;
  Event done_;
  Read read_ = nullptr;
};

class TrainStep {
 public:
  explicit TrainStep(const StepContext& context);

  // Enqueues step `step` and does not wait for the device. `stop` is this rank's wish to end after this step; the
  // answer is in the report. At most two results may be alive.
  StepResult run(std::int64_t step, const BatchSource& batches, bool stop);

 private:
  using Micro = std::function<data::Batch(std::int64_t micro, data::Share share)>;
  data::Share share(std::int64_t micro) const;
  data::Batch next(const Micro& batch, std::int64_t micro, data::Share samples);
  Context context(std::int64_t step, std::int64_t micro, Tape& tape);
  void work(std::int64_t step, const Micro& batch);
  void passes(std::int64_t step, const Micro& batch);
  void staged_passes(std::int64_t step, const Micro& batch);
  void replay(std::int64_t step, const BatchSource& batches);
  StepResult result();

  StepContext context_;
  Tape tape_;
  Tensor outcome_;  // f32 (2): the loss and the stop flags, summed over the ranks
  std::array<std::shared_ptr<Storage>, 2> host_;
  bool captures_ = false;
  std::unique_ptr<Replay> replay_;
  std::vector<data::Batch> places_;  // where a captured step reads its micro-batches
  std::int64_t done_ = 0;            // steps enqueued so far
};

// The mean loss over some samples, spread over the ranks; nothing is updated. `records`, where given, takes those of
// the samples that this rank has looked at to the end: of a model in stages, the rank of the last one.
double evaluate(StepContext& run, data::Share samples, const BatchSource& batches, SampleRecords* records = nullptr);

}  // namespace trireme::parallel
