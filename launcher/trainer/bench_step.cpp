#include "launcher/trainer/bench_step.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "launcher/trainer/tasks.h"
#include "models/gpt/gpt.h"
#include "parallel/training/step.h"
#include "runtime/device/timeline.h"

namespace trireme::launcher {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Since the kernel started this process (to 10 ms).
double process_age() {
  std::ifstream stat("/proc/self/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;  // field 22 of the line: start time in ticks since boot
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double peak_rss_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

DType compute_dtype(const std::string& name) {
  if (name == "fp32") return DType::f32;
  if (name == "bf16") return DType::bf16;
  if (name == "fp16") return DType::f16;
  fail("bench step", "expected fp32, bf16 or fp16 as --dtype, found", name);
}

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
  bench.player.compute = compute_dtype(options.dtype);
  if (options.model == "mlp") {
    bench.task = std::make_unique<Classifier>(models::MlpConfig{},
                                              std::vector<models::MlpPiece>{{.begin = 0, .end = models::layers_of({})}},
                                              nullptr, bench.player.compute);
    bench.batch = 128;
    bench.player.optimizer.rule = UpdateRule::sgd;
    bench.player.schedule.lr = 0.1;
    return bench;
  }
  const auto preset = gpt_presets.find(options.model);
  if (preset == gpt_presets.end())
    fail("bench step", "expected a model mlp, gpt-byte, gpt-tiny, gpt-124m, gpt-350m, gpt-774m or gpt-1558m, found",
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
  const auto classes =
      text ? static_cast<LanguageModel&>(*bench.task).model().sizes().vocabulary : models::MlpConfig{}.classes;
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

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// GFLOP/s of a product of the size that a transformer's layers have, of the steps' dtype.
double gemm_rate(Backend& backend, DType dtype) {
  const bool gpu = backend.device->type() == DeviceType::cuda;
  const std::int64_t m = gpu ? 8192 : 3072, n = gpu ? 8192 : 1536, k = gpu ? 8192 : 384;
  Tensor a = empty(*backend.device, {m, k}, dtype), b = empty(*backend.device, {n, k}, dtype),
         c = empty(*backend.device, {m, n}, dtype);
  backend.kernels->random(a, {.key = {1, 1}});
  backend.kernels->random(b, {.key = {2, 2}});
  double best = 0.0;
  for (int i = 0; i < 12; ++i) {
    const auto start = Clock::now();
    backend.kernels->gemm(c, a, b, {.transpose_b = true});
    backend.device->compute().synchronize();
    best = std::max(best, 2e-9 * static_cast<double>(m * n * k) / seconds_since(start));
  }
  return best;
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

// The largest of each number over the ranks.
void largest_over_ranks(std::span<double> values, Backend& backend, Group& world) {
  Tensor all = from_host<double>(*backend.device, values, {static_cast<std::int64_t>(values.size())});
  world.all_reduce({all.raw(), all.numel(), DType::f64, "timings"}, Reduction::max, backend.device->compute());
  backend.device->copy_to_host(values.data(), all.raw(), all.bytes());
}

}  // namespace

StepTiming time_steps(const BenchStepOptions& options, Backend& backend, Group& world) {
  Bench bench = make_bench(options);
  if (options.batch > 0) bench.batch = options.batch;
  parallel::Mesh mesh(world, {{"data", world.size()}});
  const parallel::Axis& data = mesh.axis("data");
  parallel::Player player(bench.task->network(), backend, data, bench.player);
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
  timing.gemm_gflops = gemm_rate(backend, compute_dtype(options.dtype));
  return timing;
}

}  // namespace trireme::launcher
