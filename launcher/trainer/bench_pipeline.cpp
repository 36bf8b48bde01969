#include "launcher/trainer/bench_pipeline.h"

#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "launcher/report/json_line.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/ranks.h"
#include "parallel/pipeline/engine.h"
#include "parallel/pipeline/generate.h"
#include "parallel/pipeline/measured.h"
#include "parallel/pipeline/simulate.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"

namespace trireme::launcher {
namespace {

using Duration = std::chrono::duration<double>;

void sleep(Duration duration) {
  std::this_thread::sleep_for(duration);
}

// A stage's layers: one weight, and passes that last as long as they are told to.
class SleepingStage : public nn::Module {
 public:
  explicit SleepingStage(Duration pass) : pass_(pass) { add("weight", weight_); }

  Tensor forward(Context& cx, const Tensor& x, const Shape& shape) {
    Tensor y = empty(cx.device, shape, DType::f32);
    cx.kernels.fill(y, 1.0f);
    sleep(pass_);
    const Tensor weight = weight_.tensor(), input = x ? x : y;
    record(cx, "sleep", {&input, &weight}, {&y}, [pass = pass_](Gradients& g) {
      sleep(pass);
      if (g.wants(0)) {
        Tensor dx = empty(g.device(), {1}, DType::f32);
        g.kernels().fill(dx, 1.0f);
        g.give(0, dx);
      }
      g.give_weight(1, {1}, [pass, &kernels = g.kernels()](Tensor& gradient, bool) {
        sleep(pass);
        kernels.fill(gradient, 1.0f);
      });
    });
    return y;
  }

 private:
  Duration pass_;
  nn::Parameter weight_{Shape{1}, nn::Init::one()};
};

class SleepingTask : public parallel::StagedTask {
 public:
  SleepingTask(const parallel::Schedule& schedule, int rank, Duration pass) : schedule_(schedule), rank_(rank) {
    for (int chunk = 0; chunk < schedule.shape.chunks; ++chunk) {
      chunks_.push_back(std::make_unique<SleepingStage>(pass / schedule.shape.chunks));
      network_.put(std::to_string(chunk), *chunks_.back());
    }
  }

  nn::Module& network() override { return network_; }
  Tensor loss(Context& cx, const data::Batch& batch) override { return forward(cx, 0, {}, batch); }
  bool begins(int chunk) const override { return schedule_.stage_of(rank_, chunk) == 0; }
  bool ends(int chunk) const override { return schedule_.stage_of(rank_, chunk) + 1 == schedule_.stages(); }
  Shape input_shape(int, std::int64_t) const override { return {1}; }
  Shape output_shape(int, std::int64_t) const override { return {1}; }
  Tensor forward(Context& cx, int chunk, const Tensor& input, const data::Batch&) override {
    return chunks_[static_cast<std::size_t>(chunk)]->forward(cx, input, ends(chunk) ? Shape{} : Shape{1});
  }

 private:
  struct Network : nn::Module {
    void put(std::string name, nn::Module& part) { add(std::move(name), part); }
  };

  const parallel::Schedule& schedule_;
  int rank_;
  std::vector<std::unique_ptr<SleepingStage>> chunks_;
  Network network_;
};

// What one rank did of the table.
parallel::Timeline run_table(const parallel::Schedule& schedule, Duration pass, Group& world) {
  Backend backend = make_backend("cpu", 1);
  Device& device = *backend.device;
  const parallel::Mesh mesh(world, {{"pipeline", world.size()}});
  SleepingTask task(schedule, world.rank(), pass);
  nn::FlatParameters parameters(task.network(), device, *backend.kernels, {});
  parameters.begin_step();
  parallel::PipelineEngine engine(schedule, mesh.axis("pipeline"), task, device, *backend.kernels, DType::f32);
  const auto timeline = device.make_timeline();
  device.set_timeline(timeline.get());
  world.barrier(device.compute());
  engine.run({.context =
                  [&](std::int64_t, Tape& tape) {
                    return Context{device, *backend.kernels, &tape, true};
                  },
              .batch = [](std::int64_t) { return data::Batch{}; },
              .on_loss = [](const Tensor&) {},
              .on_last_backward = [] {}});
  device.set_timeline(nullptr);
  return parallel::measured(timeline->take(), world.rank());
}

PipelineIdle measure(parallel::ScheduleKind kind, const BenchPipelineOptions& options) {
  using parallel::ScheduleKind;
  const int chunks = kind == ScheduleKind::interleaved || kind == ScheduleKind::zb_v ? 2 : 1;
  const parallel::Schedule schedule =
      parallel::make_schedule(kind, {.ranks = options.stages, .micros = options.micros, .chunks = chunks});
  PipelineIdle idle{.schedule = schedule.name, .formula = parallel::simulate(schedule).usage.bubble, .measured = 1.0};
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    parallel::Timeline all;
    std::mutex mutex;
    const int code = on_ranks({.ranks = options.stages, .as_threads = true}, [&](RankView& view) {
      const parallel::Timeline mine = run_table(schedule, Duration(1e-3 * options.pass_ms), view.world);
      const std::lock_guard lock(mutex);
      all.insert(all.end(), mine.begin(), mine.end());
      return 0;
    });
    require(code == 0, "bench pipeline", "the ranks of", schedule.name, "failed");
    const double bubble = parallel::usage_of(all).bubble;
    if (bubble >= idle.measured) continue;
    idle.measured = bubble;
    idle.timeline = std::move(all);
  }
  return idle;
}

std::string as_json(const std::vector<PipelineIdle>& all, const BenchPipelineOptions& options) {
  std::string schedules;
  for (const PipelineIdle& idle : all)
    schedules += (schedules.empty() ? "" : ",") + JsonLine()
                                                      .add("schedule", idle.schedule)
                                                      .add("idle_formula", idle.formula)
                                                      .add("idle_measured", idle.measured)
                                                      .add("ratio", idle.measured / idle.formula)
                                                      .text();
  return JsonLine()
      .add("stages", options.stages)
      .add("micros", options.micros)
      .add("pass_ms", options.pass_ms)
      .add_json("schedules", '[' + schedules + ']')
      .text();
}

}  // namespace

std::vector<PipelineIdle> measure_idle(const BenchPipelineOptions& options) {
  require(options.stages >= 2 && options.micros >= 1 && options.pass_ms > 0.0 && options.repeats >= 1, "bench pipeline",
          "expected at least 2 stages, 1 micro-batch, 1 repeat and a pass that takes time, found", options.stages,
          options.micros, options.repeats, "and", options.pass_ms, "ms");
  std::vector<PipelineIdle> all;
  for (const parallel::ScheduleKind kind : parallel::all_schedules) all.push_back(measure(kind, options));
  return all;
}

int bench_pipeline(const BenchPipelineOptions& options) {
  const std::vector<PipelineIdle> all = measure_idle(options);
  if (options.json) {
    std::cout << as_json(all, options) << std::endl;
    return 0;
  }
  std::cout << options.stages << " balanced stages, " << options.micros << " micro-batches, passes of "
            << options.pass_ms << " ms asleep\nschedule      formula  measured  ratio\n";
  for (const PipelineIdle& idle : all) {
    char line[96];
    std::snprintf(line, sizeof line, "%-12s %6.1f %%  %6.1f %%  %5.2f\n", idle.schedule.c_str(), 100.0 * idle.formula,
                  100.0 * idle.measured, idle.measured / idle.formula);
    std::cout << line;
  }
  if (options.timeline)
    for (const PipelineIdle& idle : all)
      std::cout << '\n'
                << parallel::draw_text(idle.timeline, {.title = idle.schedule, .unit = "ms", .unit_scale = 1e3});
  std::cout << std::flush;
  return 0;
}

}  // namespace trireme::launcher
