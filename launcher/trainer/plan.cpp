#include <iomanip>
#include <iostream>

#include "launcher/report/written_file.h"
#include "launcher/trainer/dry_run.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/from_job.h"
#include "parallel/pipeline/simulate.h"
#include "parallel/training/step.h"

namespace trireme::launcher {
namespace {

// A backward pass costs twice a forward pass, half of it for the input's gradient.
parallel::Simulation simulated(const job::Job& job, const parallel::Schedule& schedule) {
  return parallel::simulate(schedule, {.stages = stage_work(decoder_sizes(job), schedule)});
}

}  // namespace

int plan(const PlanOptions& options) {
  require(!options.json || !options.timeline, "--timeline", "excludes --json; --svg draws it into a file");
  const job::Job job = load_job(options.job, options.sets);
  const int ranks = options.ranks > 0 ? options.ranks : ranks_of(job);
  const parallel::Layout layout = layout_of(job, ranks);
  const auto micros = parallel::plan_batch(job.batch().global(), job.batch().micro(), layout.size("data")).micros;
  std::cout << dry_run_report(job, ranks, options.json);
  const auto schedule = pipeline_of(job, micros);
  if (!schedule) {
    if (options.timeline || !options.svg.empty())
      fail("plan", "expected a pipeline to draw; set parallel.pipeline above 1");
    std::cout << std::flush;
    return 0;
  }
  const parallel::Simulation played = simulated(job, *schedule);
  const parallel::DrawOptions drawing{.title = schedule->name + ", " + layout.text(), .unit = "passes forward"};
  if (!options.json) {
    std::cout << "bubble " << std::fixed << std::setprecision(1) << 100.0 * played.usage.bubble << " % of "
              << schedule->name << " with " << micros << (micros == 1 ? " micro-batch" : " micro-batches")
              << ", transfers not counted\n";
    if (options.timeline) std::cout << parallel::draw_text(played.timeline, drawing);
  }
  if (!options.svg.empty()) write_file("--svg", options.svg, parallel::draw_svg(played.timeline, drawing));
  std::cout << std::flush;
  return 0;
}

}  // namespace trireme::launcher
