#include "parallel/training/step.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "parallel/together/take_part.h"
#include "runtime/device/timeline.h"

namespace trireme::parallel {
namespace {

struct Outcome {
  StepState state;
  float loss = 0.0f;
  float stops = 0.0f;  // ranks that asked to stop
};

StepReport read_outcome(const std::byte* bytes) {
  Outcome outcome;
  if (bytes) std::memcpy(&outcome, bytes, sizeof outcome);
  return {.loss = double{outcome.loss},
          .gradient_norm = outcome.state.gradient_norm,
          .lr = double{outcome.state.lr},
          .skipped = outcome.state.finite == 0,
          .stop = outcome.stops > 0.0f};
}

bool capturable(const Axis& axis) {
  return axis.size() == 1 || (axis.compute().capturable() && axis.communication().capturable());
}

}  // namespace

BatchPlan plan_batch(std::int64_t global, std::int64_t micro, std::int64_t ranks) {
  require(global > 0 && micro >= 0, "batch",
          "expected a positive global batch and a micro-batch of zero or more, found", global, "and", micro);
  const std::int64_t below = global / ranks * ranks, above = below + ranks;
  require(global % ranks == 0, "batch", "expected a global batch that the ranks share equally:", global,
          "samples are not a multiple of", ranks,
          "ranks; the nearest:", (below > 0 ? std::to_string(below) + " or " : "") + std::to_string(above));
  const std::int64_t share = global / ranks, size = micro == 0 ? share : micro;
  require(share % size == 0, "batch", "expected micro-batches that divide a rank's share:", global, "samples /", ranks,
          "ranks =", share, "which is not a multiple of", size);
  constexpr std::int64_t most_micros = 65536;
  require(share / size <= most_micros, "batch", "expected at most", most_micros,
          "micro-batches a step of each rank:", global, "samples in micro-batches of", size, "on", ranks,
          ranks == 1 ? "rank are" : "ranks are", std::to_string(share / size) + "; raise batch.micro");
  return {global, size, share / size};
}

StepReport StepResult::report() const {
  done_.wait();
  return read_(host_->data());
}

TrainStep::TrainStep(const StepContext& context)
    : context_(context),
      tape_(*context.backend.device, *context.backend.kernels),
      outcome_(empty(*context.backend.device, {2}, DType::f32, MemoryKind::workspace)),
      captures_(context.capture && context.backend.device->can_capture() && capturable(context.data) &&
                (!context.pipeline || capturable(context.pipeline->axis())) &&
                (!context.tensor || capturable(*context.tensor))) {
  for (auto& host : host_) host = context.backend.device->allocate_host(sizeof(Outcome));
}

StepResult TrainStep::run(std::int64_t step, const BatchSource& batches, bool stop) {
  Device& device = *context_.backend.device;
  return take_part(context_.data.communication(), device, [&] {
    context_.player.set_step(step, stop);
    const TimeRange range(device, device.compute(), "step " + std::to_string(step + 1), "step");
    // The first step allocates, and lets libraries choose their ways; what the second enqueues is what every later one
    // does.
    const bool timed = device.timeline() && device.timeline()->keeps_times();
    if (captures_ && done_ > 0 && !timed) {
      replay(step, batches);
    } else {
      work(step, [&](std::int64_t, data::Share share) { return batches(step, share); });
    }
    return result();
  });
}

data::Batch TrainStep::next(const Micro& batch, std::int64_t micro, data::Share samples) {
  Device& device = *context_.backend.device;
  const TimeRange range(device, device.compute(), "batch", "data");
  return batch(micro, samples);
}

data::Share TrainStep::share(std::int64_t micro) const {
  const BatchPlan& plan = context_.plan;
  return data::share_of(plan.global, {context_.data.index(), context_.data.size(), plan.micros}, micro);
}

Context TrainStep::context(std::int64_t step, std::int64_t micro, Tape& tape) {
  const data::Share samples = share(micro);
  return {*context_.backend.device,
          *context_.backend.kernels,
          &tape,
          /*training=*/true,
          context_.seed,
          step,
          samples.first,
          samples.count,
          &context_.player.state};
}

// The step itself.
void TrainStep::work(std::int64_t step, const Micro& batch) {
  Device& device = *context_.backend.device;
  Kernels& kernels = *context_.backend.kernels;
  Tensor total = outcome_.range(0, 1), stops = outcome_.range(1, 2);
  kernels.fill(total, 0.0f);

  if (context_.pipeline) {
    staged_passes(step, batch);
  } else {
    passes(step, batch);
  }
  context_.player.finish();

  kernels.cast(stops, stop_of(context_.player.state));
  const Region outcome{outcome_.raw(), 2, DType::f32, "loss and stop flag"};
  if (context_.data.size() > 1) context_.data.compute().all_reduce(outcome, Reduction::sum, device.compute());
  if (context_.pipeline) context_.pipeline->axis().compute().all_reduce(outcome, Reduction::sum, device.compute());
  // Ranks that share layers have the same loss, but were not all told the same.
  if (context_.tensor && context_.tensor->size() > 1)
    context_.tensor->compute().all_reduce({stops.raw(), 1, DType::f32, "stop flag"}, Reduction::sum, device.compute());
}

// Pass after pass; buckets leave during the last one.
void TrainStep::passes(std::int64_t step, const Micro& batch) {
  const BatchPlan& plan = context_.plan;
  const float part = static_cast<float>(plan.micro) / static_cast<float>(plan.global);
  const Tensor loss_scale = loss_scale_of(context_.player.state);
  Tensor total = outcome_.range(0, 1);
  for (std::int64_t micro = 0; micro < plan.micros; ++micro) {
    const data::Batch inputs = next(batch, micro, share(micro));
    Context cx = context(step, micro, tape_);
    tape_.clear();
    context_.player.begin(micro, plan.micros);
    const Tensor loss = context_.task.loss(cx, inputs);
    context_.backend.kernels->axpy(total, loss, part, nullptr);
    tape_.backward(loss, part, WeightGradients::now, &loss_scale);
  }
}

// Stage by stage, several passes under way at a time.
void TrainStep::staged_passes(std::int64_t step, const Micro& batch) {
  const BatchPlan& plan = context_.plan;
  const float part = static_cast<float>(plan.micro) / static_cast<float>(plan.global);
  const Tensor loss_scale = loss_scale_of(context_.player.state);
  Tensor total = outcome_.range(0, 1);
  context_.player.begin_overlapping();
  context_.pipeline->run(
      {.context = [&](std::int64_t micro, Tape& tape) { return context(step, micro, tape); },
       .batch = [&](std::int64_t micro) { return next(batch, micro, share(micro)); },
       .on_loss = [&](const Tensor& loss) { context_.backend.kernels->axpy(total, loss, part, nullptr); },
       .on_last_backward = [&] { context_.player.begin_last(); },
       .seed = part,
       .seed_factor = &loss_scale,
       .samples = plan.micro});
}

void TrainStep::replay(std::int64_t step, const BatchSource& batches) {
  const bool first = places_.empty(), reads = !context_.pipeline || context_.pipeline->reads_batches();
  for (std::int64_t micro = 0; reads && micro < context_.plan.micros; ++micro) {
    data::Batch batch = batches(step, share(micro));
    if (first) {
      places_.push_back(std::move(batch));
    } else {
      for (auto& [name, place] : places_[static_cast<std::size_t>(micro)].tensors)
        context_.backend.kernels->cast(place, batch[name]);
    }
  }
  context_.player.before_replay();
  if (!replay_)
    replay_ = context_.backend.device->capture(
        [&] { work(step, [&](std::int64_t micro, data::Share) { return places_[static_cast<std::size_t>(micro)]; }); });
  replay_->launch();
}

StepResult TrainStep::result() {
  Device& device = *context_.backend.device;
  const auto& host = host_[static_cast<std::size_t>(done_++ % 2)];
  device.copy_to_host_later(host->data(), context_.player.state.raw(), sizeof(StepState));
  device.copy_to_host_later(host->data() + offsetof(Outcome, loss), outcome_.raw(), outcome_.bytes());
  return {host, device.compute().record(), read_outcome};
}

namespace {

// One pass of an evaluation over the samples of `share`.
Tensor measured(StepContext& run, data::Share share, const BatchSource& batches, SampleRecords* records) {
  Context cx{*run.backend.device, *run.backend.kernels};
  cx.samples = share.count;
  if (!records) return run.task.loss(cx, batches(0, share));
  std::vector<double> numbers;
  const Tensor loss = run.task.measure(cx, batches(0, share), numbers);
  records->add(share.first, numbers);
  return loss;
}

double evaluate_together(StepContext& run, data::Share samples, const BatchSource& batches, SampleRecords* records) {
  Device& device = *run.backend.device;
  Kernels& kernels = *run.backend.kernels;
  Tensor total = empty(device, {}, DType::f32, MemoryKind::workspace);
  kernels.fill(total, 0.0f);
  // Batches of the training size, dealt to the ranks in turn. All make as many passes, since weights may be gathered:
  // who has none left looks at one sample again, for nothing.
  const std::int64_t round = run.plan.micro * run.data.size();
  for (std::int64_t from = 0; from < samples.count; from += round) {
    const std::int64_t mine = from + run.data.index() * run.plan.micro;
    const bool counts = mine < samples.count;
    const std::int64_t count = counts ? std::min(run.plan.micro, samples.count - mine) : 1;
    const data::Share share{samples.first + (counts ? mine : 0), count};
    const float part = counts ? static_cast<float>(count) / static_cast<float>(samples.count) : 0.0f;
    const auto add = [&](const Tensor& loss) { kernels.axpy(total, loss, part, nullptr); };
    if (!run.pipeline) {
      add(measured(run, share, batches, counts ? records : nullptr));
      continue;
    }
    Context cx{device, kernels};
    cx.samples = count;
    std::vector<double> found;
    run.pipeline->forward({.context = [&](std::int64_t, Tape&) { return cx; },
                           .batch = [&](std::int64_t) { return batches(0, share); },
                           .on_loss = add,
                           .on_last_backward = {},
                           .samples = count,
                           .records = records ? &found : nullptr},
                          1);
    if (records && counts) records->add(share.first, found);
  }
  if (run.pipeline)
    run.pipeline->axis().compute().all_reduce({total.raw(), 1, DType::f32, "validation loss"}, Reduction::sum,
                                              device.compute());
  if (run.data.size() > 1)
    run.data.compute().all_reduce({total.raw(), 1, DType::f32, "validation loss"}, Reduction::sum, device.compute());
  return to_floats(total)[0];
}

}  // namespace

double evaluate(StepContext& run, data::Share samples, const BatchSource& batches, SampleRecords* records) {
  return take_part(run.data.communication(), *run.backend.device,
                   [&] { return evaluate_together(run, samples, batches, records); });
}

}  // namespace trireme::parallel
