#include "launcher/trainer/loop.h"

#include <chrono>
#include <utility>

#include "launcher/fleet/exit_codes.h"
#include "launcher/fleet/stop.h"
#include "launcher/trainer/pictures.h"
#include "parallel/together/together.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

constexpr std::int64_t most_skipped = 50;

bool due(std::int64_t step, std::int64_t every) {
  return every > 0 && step % every == 0;
}

StepMetrics metrics(TrainingRun& run, std::int64_t step, const parallel::StepReport& done, double seconds) {
  const double samples_per_s = static_cast<double>(run.plan().global) / seconds;
  const bool counts_units = !run.task().unit().empty();
  return {.step = step,
          .loss = done.loss,
          .grad_norm = done.gradient_norm,
          .lr = done.lr,
          .samples_per_s = samples_per_s,
          .tokens_per_s = counts_units ? samples_per_s * static_cast<double>(run.task().units_per_sample()) : 0.0,
          .step_ms = 1e3 * seconds,
          .skipped = done.skipped,
          .opponent = done.opponent ? std::optional(OpponentMetrics{.loss = done.opponent->loss,
                                                                    .grad_norm = done.opponent->gradient_norm,
                                                                    .lr = done.opponent->lr})
                                    : std::nullopt};
}

// Reads the reports of steps and passes them on. Where the device works on its own, a report is read when the next step
// has been enqueued, so that the device never waits for the host.
class Reports {
 public:
  Reports(TrainingRun& run, Report& report) : run_(run), report_(report) {}

  // `result` is that of the step that was the `step`th.
  void add(std::int64_t step, parallel::StepResult result) {
    settle();
    step_ = step;
    result_ = std::move(result);
    if (run_.backend().device->type() == DeviceType::cpu) settle();
  }
  // Waits for what was enqueued.
  void settle() {
    if (!result_) return;
    const parallel::StepReport done = std::exchange(result_, {}).report();
    skipped_ = done.skipped ? skipped_ + 1 : 0;
    if (skipped_ >= most_skipped)  // the same on every rank
      throw parallel::SharedError("[train] the gradient has not been finite for " + std::to_string(skipped_) +
                                  " steps, up to step " + std::to_string(step_) +
                                  "; lower schedule.lr, set clip.norm, or use precision.compute: bf16 or fp32");
    const auto now = Clock::now();
    report_.step(metrics(run_, step_, done, std::chrono::duration<double>(now - since_).count()));
    since_ = now;
    stop_ = stop_ || done.stop;
  }
  // The clock starts anew: what was done since the last step is no part of the next one.
  void resume_clock() { since_ = Clock::now(); }
  bool stop() const noexcept { return stop_; }

 private:
  using Clock = std::chrono::steady_clock;

  TrainingRun& run_;
  Report& report_;
  std::int64_t step_ = 0;
  parallel::StepResult result_;
  Clock::time_point since_ = Clock::now();
  std::int64_t skipped_ = 0;  // steps in a row
  bool stop_ = false;
};

// What has been saved in the meantime.
void note_saved(TrainingRun& run, Report& report) {
  if (const std::optional<std::int64_t> step = run.take_saved())
    report.note("saved " + store::checkpoint_path(run.job().run_dir(), *step));
}

// Looks at the validation data, and keeps the state where it is the best so far and the job asks for that.
void validate(TrainingRun& run, Report& report) {
  const Validation found = run.validate(run.job().evaluate().batches());
  report.validation(found);
  if (run.judge().take(found) && run.job().checkpoint().best()) run.save_best(found.step);
}

// Waits for what is being saved.
void finish_saving(TrainingRun& run, Report& report) {
  run.finish_saving();
  note_saved(run, report);
}

// Saves what is to be saved at the end and is not yet.
void save_last(TrainingRun& run, Report& report) {
  const job::Checkpoint& checkpoint = run.job().checkpoint();
  const std::int64_t step = run.steps();
  finish_saving(run, report);
  if (step == run.saved() || !(checkpoint.on_exit() || due(step, checkpoint.every_steps()))) return;
  run.save(step);
  finish_saving(run, report);
}

}  // namespace

int leave(TrainingRun& run, Report& report) {
  const std::int64_t step = run.steps();
  save_last(run, report);
  report.finish();
  const std::string what_next = run.saved() != step        ? "not saved, since checkpoint.on_exit is false"
                                : step < run.job().steps() ? "go on with --resume"
                                                           : "that was the last one: trireme evaluate and generate do "
                                                             "what was left out";
  report.note("told to stop after step " + std::to_string(step) + "; " + what_next);
  return stopped_early;
}

int run_loop(TrainingRun& run, Report& report, StepTrace& trace, std::int64_t first) {
  const job::Job& job = run.job();
  std::int64_t step = first, validated = -1;
  Reports reports(run, report);
  while (step < job.steps() && !reports.stop() && !run.judge().gives_up()) {
    trace.before(step + 1);
    parallel::StepResult result = run.train(step, stop_requested() || run.saving_failed());
    reports.add(++step, std::move(result));
    if (const std::string trouble = run.backend().kernels->trouble(); step == first + 1 && !trouble.empty())
      report.note(trouble);
    note_saved(run, report);
    if (const std::string note = trace.after(step); !note.empty()) {
      reports.settle();
      report.note(note);
      reports.resume_clock();
    }
    const bool validates = run.has_validation() && due(step, job.evaluate().every_steps());
    const bool saves = due(step, job.checkpoint().every_steps());
    const bool draws = pictures_due(job, step);
    if (!validates && !saves && !draws) continue;
    reports.settle();
    if (draws) show_pictures(run, report);
    if (validates && !reports.stop()) {
      validate(run, report);
      validated = step;
    }
    if (saves) {
      finish_saving(run, report);  // the save before, if it is not done
      run.save(step);
    }
    reports.resume_clock();
  }
  reports.settle();
  const bool gave_up = run.judge().gives_up() && step < job.steps();
  if (reports.stop() && step < job.steps() && !gave_up) return leave(run, report);
  save_last(run, report);
  if (run.has_validation() && validated != step && step > first) validate(run, report);
  report.finish();
  if (gave_up)
    report.note("ended after step " + std::to_string(step) + ": no validation was better for " +
                std::to_string(job.evaluate().patience()) + " in a row; " + run.judge().text());
  return 0;
}

}  // namespace trireme::launcher
