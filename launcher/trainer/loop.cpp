#include "launcher/trainer/loop.h"

#include <chrono>

#include "launcher/fleet/stop.h"
#include "launcher/trainer/entry.h"
#include "parallel/together/together.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

constexpr std::int64_t most_skipped = 50;

bool due(std::int64_t step, std::int64_t every) {
  return every > 0 && step % every == 0;
}

StepMetrics metrics(TrainingRun& run, std::int64_t step, const StepReport& done, double seconds) {
  const double samples_per_s = static_cast<double>(run.plan().global) / seconds;
  const bool counts_units = !run.task().unit().empty();
  return {.step = step,
          .loss = done.loss,
          .grad_norm = done.update.gradient_norm,
          .lr = done.update.lr,
          .samples_per_s = samples_per_s,
          .tokens_per_s = counts_units ? samples_per_s * static_cast<double>(run.task().units_per_sample()) : 0.0,
          .step_ms = 1e3 * seconds,
          .skipped = done.update.skipped};
}

void save(TrainingRun& run, Report& report, std::int64_t step) {
  run.save(step);
  report.note("saved " + store::checkpoint_path(run.job().run_dir(), step));
}

}  // namespace

int run_loop(TrainingRun& run, Report& report, std::int64_t first) {
  using Clock = std::chrono::steady_clock;
  const job::Job& job = run.job();
  std::int64_t step = first, saved = first > 0 ? first : -1, validated = -1;
  std::int64_t skipped = 0;  // steps in a row
  bool stopped = false;
  while (step < job.steps() && !stopped) {
    const auto start = Clock::now();
    const StepReport done = run.train(step, stop_requested());
    ++step;
    skipped = done.update.skipped ? skipped + 1 : 0;
    if (skipped >= most_skipped)  // the same on every rank
      throw parallel::SharedError("[train] the gradient has not been finite for " + std::to_string(skipped) +
                                  " steps, up to step " + std::to_string(step) +
                                  "; lower schedule.lr, set clip.norm, or use precision.compute: bf16 or fp32");
    report.step(metrics(run, step, done, std::chrono::duration<double>(Clock::now() - start).count()));
    stopped = done.stop && step < job.steps();
    if (!stopped && run.has_validation() && due(step, job.evaluate().every_steps())) {
      report.validation({step, run.validate(job.evaluate().batches())});
      validated = step;
    }
    if (due(step, job.checkpoint().every_steps())) save(run, report, saved = step);
  }
  if (job.checkpoint().on_exit() && saved != step) save(run, report, saved = step);
  if (!stopped && run.has_validation() && validated != step && step > first)
    report.validation({step, run.validate(job.evaluate().batches())});
  report.finish();
  if (stopped)
    report.note("told to stop after step " + std::to_string(step) +
                (saved == step ? "; go on with --resume" : "; not saved, since checkpoint.on_exit is false"));
  return stopped ? stopped_early : 0;
}

}  // namespace trireme::launcher
