#include <iostream>

#include "launcher/report/written_file.h"
#include "launcher/trainer/dry_run.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/layout.h"
#include "parallel/training/step.h"

namespace trireme::launcher {
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
  if (options.timeline && !options.json) std::cout << parallel::draw_text(played.timeline, drawing);
  if (!options.svg.empty()) write_file("--svg", options.svg, parallel::draw_svg(played.timeline, drawing));
  std::cout << std::flush;
  return 0;
}

}  // namespace trireme::launcher
