#include "parallel/pipeline/engine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/device/timeline.h"

namespace trireme::parallel {
namespace {

constexpr const char* activation_label = "activation between stages";
constexpr const char* gradient_label = "gradient between stages";
constexpr std::size_t sent_at_once = 2;

}  // namespace

PipelineEngine::PipelineEngine(Schedule schedule, const Axis& axis, StagedTask& task, Device& device, Kernels& kernels,
                               DType boundary)
    : schedule_(std::move(schedule)),
      axis_(axis),
      task_(task),
      device_(device),
      kernels_(kernels),
      boundary_(boundary) {
  require(schedule_.shape.ranks == axis.size(), "pipeline", "expected a schedule for", axis.size(),
          "ranks, found one for", schedule_.shape.ranks);
  for (int chunk = 0; chunk < schedule_.shape.chunks; ++chunk)
    if (task_.begins(chunk) || task_.ends(chunk)) ++readers_;
}

void PipelineEngine::run(const PipelineStep& step) {
  const std::vector<Action>& table = schedule_.table[static_cast<std::size_t>(axis_.index())];
  const auto last = std::find_if(table.rbegin(), table.rend(), [](const Action& a) { return is_backward(a.work); });
  for (const Action& action : table) {
    if (&action == &*last) step.on_last_backward();
    switch (action.work) {
      case Work::forward: forward_pass(step, action); break;
      case Work::backward:
      case Work::input_gradient: backward_pass(step, action); break;
      case Work::weight_gradient: weight_pass(action); break;
      case Work::send_activation: send(action, flight(action).output.detached()); break;
      case Work::send_gradient:
        send(action, std::exchange(flight(action).input_gradient, {}));
        land({action.micro, action.chunk});
        break;
      case Work::recv_activation: flight(action).input = receive(action, step.samples); break;
      case Work::recv_gradient: flight(action).output_gradient = receive(action, step.samples); break;
    }
  }
  drop_sent(0);
  flights_.clear();
  batches_.clear();
}

data::Batch PipelineEngine::batch(const PipelineStep& step, const Action& action) {
  if (!task_.begins(action.chunk) && !task_.ends(action.chunk)) return {};
  auto found = batches_.find(action.micro);
  if (found == batches_.end()) found = batches_.emplace(action.micro, Held{step.batch(action.micro), readers_}).first;
  if (--found->second.readers > 0) return found->second.batch;
  data::Batch last = std::move(found->second.batch);
  batches_.erase(found);
  return last;
}

void PipelineEngine::land(const Key& key) {
  const auto found = flights_.find(key);
  if (found != flights_.end() && !found->second.tape && !found->second.input_gradient) flights_.erase(found);
}

PipelineEngine::Flight* PipelineEngine::neighbour(const Action& action, int step) {
  const int stage = schedule_.stage_of(axis_.index(), action.chunk) + step;
  const Schedule::Place place = schedule_.place_of(stage);
  return place.rank == axis_.index() ? &flights_[{action.micro, place.chunk}] : nullptr;
}

void PipelineEngine::forward_pass(const PipelineStep& step, const Action& action) {
  Flight& here = flight(action);
  here.tape = std::make_unique<Tape>(device_, kernels_);
  Context cx = step.context(action.micro, *here.tape);
  if (!task_.begins(action.chunk)) {
    if (const Flight* before = neighbour(action, -1)) here.input = before->output.detached();
    device_.compute().wait(here.there);
    here.input = here.tape->input(here.input);
  }
  const TimeRange timed(device_, device_.compute(), describe(action, schedule_.shape), pipeline_span);
  here.output = task_.forward(cx, action.chunk, here.input, batch(step, action));
  if (task_.ends(action.chunk)) step.on_loss(here.output);
}

void PipelineEngine::backward_pass(const PipelineStep& step, const Action& action) {
  Flight& here = flight(action);
  const auto when = action.work == Work::backward ? WeightGradients::now : WeightGradients::later;
  const bool ends = task_.ends(action.chunk);
  if (!ends) {
    if (Flight* after = neighbour(action, +1)) {
      here.output_gradient = std::exchange(after->input_gradient, {});
      land({action.micro, schedule_.place_of(schedule_.stage_of(axis_.index(), action.chunk) + 1).chunk});
    }
    device_.compute().wait(here.there);
  }
  const TimeRange timed(device_, device_.compute(), describe(action, schedule_.shape), pipeline_span);
  if (ends) {
    here.tape->backward(here.output, step.seed, when, step.seed_factor);
  } else {
    here.tape->backward(here.output, std::exchange(here.output_gradient, {}), when);
  }
  if (here.input) here.input_gradient = here.tape->take_gradient(here.input);
  here.input = here.output = {};
  if (when == WeightGradients::now) {
    here.tape = nullptr;
    land({action.micro, action.chunk});
  }
}

void PipelineEngine::weight_pass(const Action& action) {
  Flight& here = flight(action);
  const TimeRange timed(device_, device_.compute(), describe(action, schedule_.shape), pipeline_span);
  while (here.tape->run_weight_gradients(1 << 20) > 0) {
  }
  here.tape = nullptr;
  land({action.micro, action.chunk});
}

void PipelineEngine::send(const Action& action, Tensor tensor) {
  Stream& stream = device_.communication();
  stream.wait(device_.compute().record());
  const char* label = action.work == Work::send_activation ? activation_label : gradient_label;
  {
    const TimeRange timed(device_, stream, describe(action, schedule_.shape), "communication");
    axis_.communication().send({tensor.raw(), tensor.numel(), tensor.dtype(), label}, action.peer, stream);
  }
  partings_.push_back({std::move(tensor), stream.record()});
  drop_sent(sent_at_once);
}

// What was sent is kept until it has been read: the compute stream may use its memory again after that alone.
void PipelineEngine::drop_sent(std::size_t keep) {
  while (partings_.size() > keep) {
    device_.compute().wait(partings_.front().sent);
    partings_.erase(partings_.begin());
  }
}

Tensor PipelineEngine::receive(const Action& action, std::int64_t samples) {
  const bool activation = action.work == Work::recv_activation;
  const Shape shape = activation ? task_.input_shape(action.chunk, samples) : task_.output_shape(action.chunk, samples);
  Tensor tensor = empty(device_, shape, boundary_);
  Stream& stream = device_.communication();
  stream.wait(device_.compute().record());  // that may still use this memory for something else
  const char* label = activation ? activation_label : gradient_label;
  const TimeRange timed(device_, stream, describe(action, schedule_.shape), "communication");
  axis_.communication().recv({tensor.raw(), tensor.numel(), tensor.dtype(), label}, action.peer, stream);
  flight(action).there = stream.record();
  return tensor;
}

void PipelineEngine::forward(const PipelineStep& step, std::int64_t micros) {
  // Stages in their order: where a rank has several chunks, it meets the micro-batch again.
  for (std::int64_t micro = 0; micro < micros; ++micro) {
    for (int stage = 0; stage < schedule_.stages(); ++stage) {
      const Schedule::Place place = schedule_.place_of(stage);
      if (place.rank != axis_.index()) continue;
      Action action{.micro = static_cast<std::int32_t>(micro), .chunk = place.chunk};
      Tensor input;
      if (!task_.begins(place.chunk)) {
        if (const Flight* before = neighbour(action, -1)) {
          input = before->output;
        } else {
          action.work = Work::recv_activation;
          action.peer = schedule_.place_of(stage - 1).rank;
          input = receive(action, step.samples);
          device_.compute().wait(flight(action).there);
        }
      }
      Tape unused(device_, kernels_);
      Context cx = step.context(micro, unused);
      cx.tape = nullptr;
      cx.training = false;
      const data::Batch samples = batch(step, action);
      const Tensor output = step.records ? task_.measure_chunk(cx, place.chunk, input, samples, *step.records)
                                         : task_.forward(cx, place.chunk, input, samples);
      if (task_.ends(place.chunk)) {
        step.on_loss(output);
        continue;
      }
      action.work = Work::send_activation;
      action.peer = schedule_.place_of(stage + 1).rank;
      if (action.peer == axis_.index()) {
        flight(action).output = output;
      } else {
        send(action, output);
      }
    }
    flights_.clear();
    batches_.clear();
  }
  drop_sent(0);
}

}  // namespace trireme::parallel
