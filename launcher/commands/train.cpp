#include <cstdio>
#include <filesystem>
#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/config/config.h"
#include "launcher/fleet/fleet.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/layout.h"
#include "parallel/training/step.h"
#include "runtime/base/error.h"
#include "runtime/store/checkpoint.h"

namespace trireme::launcher {
namespace {

constexpr const char* newest = "true";  // what a flag without a value is

struct Request {
  TrainOptions train;
  RankChoice ranks;
  std::string trace;
  std::string resume;  // empty: not wanted
  bool help_job = false;
};

std::vector<std::string> rank_command(const Request& request) {
  const TrainOptions& options = request.train;
  std::vector<std::string> words{own_path(), "train"};
  for (const std::string& set : options.sets) words.insert(words.end(), {"--set", set});
  if (options.resume) words.push_back(options.checkpoint.empty() ? "--resume" : "--resume=" + options.checkpoint);
  if (!request.trace.empty()) words.insert(words.end(), {"--trace", request.trace});
  if (!options.mark.empty()) words.insert(words.end(), {"--mark", options.mark});
  // Ranks have another standard input; and a name may look like an option.
  const bool own = options.job.starts_with("/dev/") || options.job.starts_with("/proc/");
  words.insert(words.end(), {"--", own ? std::filesystem::canonical(options.job).string() : options.job});
  return words;
}

// Reads the job before any rank starts, so that its mistakes are told once; `asked` ranks start, 0: as many as it
// wants.
job::Job job_for(const TrainOptions& options, int asked) {
  Origins origins;
  job::Job job = load_job(options.job, options.sets, &origins);
  const int wanted = job.parallel().data();
  const bool split = job.parallel().pipeline() > 1 || job.parallel().tensor() > 1;
  if (wanted > 0 && asked > 0 && !split && wanted != asked)
    origins.fail("parallel.data", "expected the number of ranks that are started, which is " + std::to_string(asked) +
                                      ", or 0 for any; found " + std::to_string(wanted));
  require(options.trace.first <= job.steps(), "--trace", "expected steps of the run, which has", job.steps(),
          "of them, found", options.trace.first);
  const parallel::Layout layout = layout_of(job, asked > 0 ? asked : ranks_of(job));
  const parallel::BatchPlan plan = parallel::plan_batch(job.batch().global(), job.batch().micro(), layout.size("data"));
  pipeline_of(job, plan.micros);
  return job;
}

int run(Request& request) {
  TrainOptions& options = request.train;
  if (request.help_job) {
    if (launched_by().rank == 0) std::fputs(job_help().c_str(), stdout);
    return 0;
  }
  require(!options.job.empty(), "train", "expected a job file; trireme train --help-job lists what it may say");
  if (!request.trace.empty()) options.trace = parse_trace_steps(request.trace);
  options.resume = !request.resume.empty();
  if (request.resume != newest) options.checkpoint = request.resume;
  const Place place = launched_by();
  FleetOptions fleet = request.ranks.fleet();
  if (place.is_rank() && options.dry_run) {
    needs_fleet(fleet, place);  // refuses what disagrees with the ranks there are
    fleet.ranks = place.size;
    job_for(options, fleet.ranks);
  } else if (!place.is_rank()) {
    const job::Job job = job_for(options, fleet.ranks);
    fleet.start_seconds = job.watchdog_seconds();
    if (fleet.ranks == 0 && fleet.hosts.empty() && fleet.hostfile.empty()) fleet.ranks = ranks_of(job);
    options.dry_run = options.dry_run || job.device() == "dry";
    require(!options.json || options.dry_run, "--json",
            "expected --dry-run beside it, whose report it is about; what a run does is in its metrics.jsonl");
  } else if (!is_supervised()) {
    job_for(options, place.size);
  }
  options.ranks_as_threads = request.ranks.as_threads;
  options.ranks = place.is_rank() ? place.size : fleet.ranks;
  if (options.dry_run || options.ranks_as_threads) return train(options);
  if (fleet.max_restarts > 0) options.mark = store::unique_tag();
  if (needs_fleet(fleet, place)) return run_fleet(fleet, rank_command(request));
  return train(options);
}

}  // namespace

void add_train(Command program) {
  auto request = std::make_shared<Request>();
  Command command = program.add_command("train", "Train a model as a job file says");
  command.add_option("job", request->train.job, "Job file, in Protobuf text format").type_name("JOB");
  command.add_option("--set", request->train.sets, "Override a field of the job, as in optimizer.adamw.beta2=0.95")
      .type_name("KEY=VALUE")
      .once_per_value();
  request->ranks.add_to(command, RankChoice::Restarts::offered);
  command.add_flag("--resume", request->resume,
                   "Go on from the newest checkpoint in the run's folder, or with --resume=RUN/step-00000010 from that "
                   "one");
  command.add_option("--mark", request->train.mark).hidden();  // what this program tells the ranks that it starts
  command.add_option("--trace", request->trace, "Write a timeline of steps FIRST to LAST, for ui.perfetto.dev")
      .type_name("steps=FIRST:LAST");
  command.add_flag("--dry-run", request->train.dry_run, "Print memory, FLOPs and bytes sent; touch nothing");
  command.add_flag("--json", request->train.json, "Print the dry run's report as JSON");
  command.add_flag("--help-job", request->help_job, "Print every field of a job with its default and meaning");
  command.runs([request] { return run(*request); });
}

}  // namespace trireme::launcher
