#include "launcher/trainer/bench_step.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "launcher/trainer/bench_adversarial.h"
#include "launcher/trainer/bench_measures.h"
#include "launcher/trainer/eight_bits.h"
#include "launcher/trainer/networks.h"
#include "launcher/trainer/tasks.h"
#include "models/gpt/gpt.h"
#include "models/recurrent/recurrent.h"
#include "parallel/training/step.h"
#include "runtime/device/timeline.h"

namespace trireme::launcher {
namespace {

// By the names that programs of other frameworks use too.
const std::map<std::string, std::string> gpt_presets{{"gpt-byte", "gpt-byte"},  {"gpt-tiny", "gpt-tiny"},
                                                     {"gpt-124m", "gpt2-124m"}, {"gpt-350m", "gpt2-350m"},
                                                     {"gpt-774m", "gpt2-774m"}, {"gpt-1558m", "gpt2-1558m"}};

struct Bench {
  std::unique_ptr<KnownTask> task;
  std::int64_t batch = 0;
  parallel::PlayerOptions player;
};

Bench make_bench(const BenchStepOptions& options) {
  Bench bench;
  bench.player.compute = dtype_of_bench(options.dtype);
  if (options.model == "mlp" || options.model == "resnet18" || options.model == "resnet50") {
    // ResNet-18 is that for 32 x 32.
    bench.task = std::make_unique<Classifier>(
        make_named_network(options.model == "resnet18" ? "resnet18-small" : options.model), bench.player.compute);
    const bool perceptron = options.model == "mlp";
    bench.batch = perceptron ? 128 : 64;
    bench.player.optimizer.rule = perceptron ? UpdateRule::sgd : UpdateRule::momentum;
    bench.player.optimizer.momentum = 0.9f;
    bench.player.optimizer.l2 = perceptron ? 0.0f : 5e-4f;
    bench.player.schedule.lr = perceptron ? 0.1 : 0.01;
    return bench;
  }
  if (options.model == "lstm") {
    bench.task = std::make_unique<LanguageModel>(std::make_unique<models::Recurrent>(models::RecurrentConfig{}));
    bench.batch = 32;
    bench.player.optimizer.rule = UpdateRule::adam;
    bench.player.schedule.lr = 1e-3;
    bench.player.clip_norm = 1.0f;
    return bench;
  }
  const auto preset = gpt_presets.find(options.model);
  if (preset == gpt_presets.end())
    fail("bench step",
         "expected a model mlp, lstm, resnet18, resnet50, dcgan64, gpt-byte, gpt-tiny, gpt-124m, gpt-350m, gpt-774m or "
         "gpt-1558m, found",
         options.model);
  const bool large = options.model != "gpt-byte" && options.model != "gpt-tiny";
  bench.task = std::make_unique<LanguageModel>(std::make_unique<models::Gpt>(models::gpt_preset(preset->second)));
  bench.batch = large ? 4 : 12;
  bench.player.optimizer = {.rule = UpdateRule::adamw, .beta1 = 0.9f, .beta2 = 0.95f, .weight_decay = 0.1f};
  bench.player.schedule.lr = 3e-4;
  bench.player.clip_norm = 1.0f;
  return bench;
}

// Random numbers in the shapes of the task's batch: ids below `classes`, features normal.
data::Batch random_batch(const Bench& bench, Backend& backend, std::uint64_t rank) {
  data::Batch batch = bench.task->blank_batch(*backend.device, bench.batch);
  const bool text = batch.contains("tokens");
  const auto classes = text ? static_cast<LanguageModel&>(*bench.task).model().sizes().vocabulary
                            : static_cast<Classifier&>(*bench.task).model().classes();
  for (auto& [name, tensor] : batch.tensors) {
    const RandomKey key{rank, hash_name(name)};
    if (tensor.dtype() == DType::f32) {
      backend.kernels->random(tensor, {.key = key});
      continue;
    }
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < tensor.numel(); ++i)
      ids.push_back(static_cast<std::int32_t>(random_word(key, static_cast<std::uint64_t>(i)) %
                                              static_cast<std::uint32_t>(classes)));
    backend.device->copy_from_host(tensor.raw(), ids.data(), tensor.bytes());
  }
  return batch;
}

struct Timed {
  std::vector<double> step_ms, host_ms;
  double loss = 0.0;
};

// `count` steps from `first` on. A step's report is read when the next one has been enqueued, so the device never
// waits.
Timed timed_steps(parallel::TrainStep& train_step, const parallel::BatchSource& batches, std::int64_t first,
                  std::int64_t count, const Device& device) {
  const bool late = device.type() == DeviceType::cuda;
  Timed timed;
  parallel::StepResult flying;
  auto since = Clock::now();
  const auto land = [&] {
    timed.loss = std::exchange(flying, {}).report().loss;
    timed.step_ms.push_back(1e3 * seconds_since(since));
    since = Clock::now();
  };
  for (std::int64_t i = 0; i < count; ++i) {
    const auto start = Clock::now();
    parallel::StepResult result = train_step.run(first + i, batches, false);
    timed.host_ms.push_back(1e3 * seconds_since(start));
    if (flying) land();
    flying = std::move(result);
    if (!late) land();
  }
  if (flying) land();
  return timed;
}

// Milliseconds of a step that the compute stream waits for the reduction of gradients, its backward pass done.
double exposed_communication(parallel::TrainStep& train_step, const parallel::BatchSource& batches, std::int64_t first,
                             Device& device) {
  constexpr int steps = 3;
  const auto timeline = device.make_timeline();
  device.set_timeline(timeline.get());
  timed_steps(train_step, batches, first, steps, device);
  device.set_timeline(nullptr);
  double waited = 0.0;
  for (const Span& span : timeline->take())
    if (span.name == parallel::waiting_span) waited += span.end_us - span.begin_us;
  return 1e-3 * waited / steps;
}

}  // namespace

StepTiming time_steps(const BenchStepOptions& options, Backend& backend, Group& world) {
  if (options.model == "dcgan64") return time_adversarial(options, backend, world);
  Bench bench = make_bench(options);
  if (options.batch > 0) bench.batch = options.batch;
  parallel::Mesh mesh(world, {{"data", world.size()}});
  const parallel::Axis& data = mesh.axis("data");
  parallel::Player player(bench.task->network(), backend, data, bench.player);
  if (options.dtype == "fp8") train_in_eight_bits(*bench.task, *backend.kernels, bench.batch);
  const auto plan = parallel::plan_batch(bench.batch * world.size(), 0, world.size());
  parallel::TrainStep train_step({backend, data, *bench.task, player, plan, /*seed=*/1});
  const data::Batch batch = random_batch(bench, backend, static_cast<std::uint64_t>(world.rank()));
  const parallel::BatchSource fixed = [&](std::int64_t, data::Share) { return batch; };

  StepTiming timing{.model = options.model,
                    .parameters = player.parameters.parameter_count(),
                    .batch = bench.batch,
                    .units = bench.task->unit().empty() ? 0 : bench.task->units_per_sample(),
                    .ranks = world.size()};
  timing.loss_first = train_step.run(0, fixed, false).report().loss;
  timing.first_step_s = process_age();
  for (std::int64_t i = 1; i < options.warmup; ++i) train_step.run(i, fixed, false);
  world.barrier(backend.device->compute());

  const double processor_start = processor_seconds();
  const Timed timed = timed_steps(train_step, fixed, options.warmup, options.steps, *backend.device);
  timing.loss_last = timed.loss;
  std::array<double, 7> worst{median(timed.step_ms),
                              *std::min_element(timed.step_ms.begin(), timed.step_ms.end()),
                              1e3 * (processor_seconds() - processor_start) / static_cast<double>(options.steps),
                              peak_rss_mb(),
                              static_cast<double>(backend.device->memory().peak) / 0x1p20,
                              timing.first_step_s,
                              median(timed.host_ms)};
  largest_over_ranks(worst, backend, world);
  timing.step_ms_median = worst[0];
  timing.step_ms_min = worst[1];
  timing.cpu_ms = worst[2];
  timing.peak_rss_mb = worst[3];
  timing.peak_tensors_mb = worst[4];
  timing.first_step_s = worst[5];
  timing.host_ms = worst[6];
  timing.gflop_per_step = bench.task->flops(bench.batch) / 1e9;
  if (world.size() > 1) {
    std::array<double, 1> waited{
        exposed_communication(train_step, fixed, options.warmup + options.steps, *backend.device)};
    largest_over_ranks(waited, backend, world);
    timing.exposed_comm_ms = waited[0];
  }
  timing.gemm_gflops = gemm_rate(backend, dtype_of_bench(options.dtype));
  return timing;
}

}  // namespace trireme::launcher
