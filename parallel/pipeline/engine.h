// Runs a pipeline schedule: the table of a rank, action by action.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "parallel/mesh/mesh.h"
#include "parallel/pipeline/schedule.h"
#include "parallel/pipeline/timeline.h"
#include "parallel/training/task.h"

namespace trireme::parallel {

// The category of the spans, named by describe(), in which a device's timeline shows a table's computations.
inline constexpr const char* pipeline_span = "pipeline";

// What a step gives the engine.
struct PipelineStep {
  // The pass through micro-batch `micro`: its place in the global batch, its step, its random numbers.
  std::function<Context(std::int64_t micro, Tape& tape)> context;
  // Micro-batch `micro` of the step, asked for in rising order and once, by ranks that begin or end the model.
  std::function<data::Batch(std::int64_t micro)> batch;
  // Called with each micro-batch's loss, on the rank that computes it.
  std::function<void(const Tensor& loss)> on_loss;
  // Before the last backward pass of a table: from then on gradients become final.
  std::function<void()> on_last_backward;
  float seed = 1.0f;                       // factor of each micro-batch's loss
  const Tensor* seed_factor = nullptr;     // one f32 more, or null
  std::int64_t samples = 1;                // of a micro-batch
  std::vector<double>* records = nullptr;  // forward() alone: takes the samples' records, on the rank of the loss
};

class PipelineEngine {
 public:
  // The ranks of `axis` are those of the schedule, which has been checked. `boundary` is the dtype of what passes
  // between stages.
  PipelineEngine(Schedule schedule, const Axis& axis, StagedTask& task, Device& device, Kernels& kernels,
                 DType boundary);

  // Enqueues the whole table. What a micro-batch needed is released as soon as its last pass here is done, so memory
  // follows the schedule and not the number of micro-batches.
  void run(const PipelineStep& step);
  // The forward passes alone of `micros` micro-batches, stage by stage: for validation. Losses as in run(), records in
  // the order of the micro-batches.
  void forward(const PipelineStep& step, std::int64_t micros);

  // Whether this rank asks for batches at all.
  bool reads_batches() const noexcept { return readers_ > 0; }
  const Axis& axis() const noexcept { return axis_; }
  const Schedule& schedule() const noexcept { return schedule_; }

 private:
  using Key = std::pair<std::int32_t, std::int32_t>;  // micro-batch and chunk
  struct Flight {
    std::unique_ptr<Tape> tape;
    Tensor input;  // as the tape follows it; undefined where the chunk begins with a batch
    Tensor output;
    Tensor output_gradient, input_gradient;
    Event there;  // when what was received last is there
  };
  struct Parting {
    Tensor tensor;
    Event sent;
  };

  // A micro-batch that ranks have in their hands, and how many chunks of this rank still read it.
  struct Held {
    data::Batch batch;
    int readers = 0;
  };

  Flight& flight(const Action& action) { return flights_[{action.micro, action.chunk}]; }
  // Forgets a flight that nothing will ask for any more.
  void land(const Key& key);
  // The neighbouring stage's flight where this rank has that stage too, else null.
  Flight* neighbour(const Action& action, int step);
  void forward_pass(const PipelineStep& step, const Action& action);
  void backward_pass(const PipelineStep& step, const Action& action);
  void weight_pass(const Action& action);
  void send(const Action& action, Tensor tensor);
  Tensor receive(const Action& action, std::int64_t samples);
  // Empty where the chunk neither begins nor ends the model.
  data::Batch batch(const PipelineStep& step, const Action& action);
  void drop_sent(std::size_t keep);

  Schedule schedule_;
  const Axis& axis_;
  StagedTask& task_;
  Device& device_;
  Kernels& kernels_;
  DType boundary_;
  int readers_ = 0;  // chunks of this rank that begin or end the model
  std::map<Key, Flight> flights_;
  std::map<std::int64_t, Held> batches_;
  std::vector<Parting> partings_;  // sent and perhaps still read
};

}  // namespace trireme::parallel
