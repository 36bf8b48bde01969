#include <filesystem>
#include <iostream>
#include <sstream>

#include "launcher/fleet/exit_codes.h"
#include "launcher/fleet/place.h"
#include "launcher/fleet/rank_table.h"
#include "launcher/fleet/stop.h"
#include "launcher/report/written_file.h"
#include "launcher/trainer/beginning.h"
#include "launcher/trainer/dry_run.h"
#include "launcher/trainer/eight_bits.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/finished_run.h"
#include "launcher/trainer/loop.h"
#include "launcher/trainer/ranks.h"
#include "launcher/trainer/sampler.h"
#include "parallel/together/together.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;

std::string table_of(const RankView& view, const job::Job& job) {
  std::vector<RankRow> rows;
  const std::string device = device_for(job.device());
  for (std::size_t rank = 0; rank < view.places.size(); ++rank) {
    const RankPlace& place = view.places[rank];
    rows.push_back({static_cast<int>(rank), place.host, describe_device(device, job.threads(), place)});
  }
  return rank_table(rows);
}

// Text from the network that was trained, on the first rank; every rank takes part. Where none has all of it, the first
// rank loads it from the checkpoint, and the others keep step with it.
std::string write_sample(TrainingRun& run, const data::Tokenizer& tokenizer) {
  const job::Sample& sample = run.job().sample();
  const SampleOptions options{.prompt = sample.prompt(),
                              .tokens = sample.tokens(),
                              .temperature = sample.temperature(),
                              .top_k = sample.top_k(),
                              .seed = run.job().seed(),
                              .between = [&] { run.leave_if_any_is_told(); }};
  const auto write = [&](KnownTask& task, Backend& backend) {
    return sample_text(static_cast<LanguageModel&>(task).model(), backend, compute_dtype(run.job()), tokenizer,
                       options);
  };
  leave_eight_bits(run.task().network());
  if (run.whole()) return write(run.task(), run.backend());
  if (run.leads()) {
    FinishedRun whole({.path = store::checkpoint_path(run.job().run_dir(), run.saved()),
                       .sets = {},
                       .device = run.job().device(),
                       .threads = run.job().threads()});
    return write(*whole.task, whole.backend);
  }
  for (std::int64_t token = 0; token < sample.tokens(); ++token) options.between();
  return {};
}

void show_sample(TrainingRun& run, Report& report) {
  const job::Sample& sample = run.job().sample();
  const auto tokenizer = make_tokenizer(run.job());
  if (sample.tokens() == 0 || !dynamic_cast<LanguageModel*>(&run.task()) || !tokenizer) return;
  if (!run.whole() && run.saved() != run.steps()) {
    report.note("no rank has the whole model, and checkpoint.on_exit is false: there is no sample");
    return;
  }
  const std::string text = write_sample(run, *tokenizer);
  if (!run.leads()) return;
  report.note("--- sample ---\n" + sample.prompt() + text + "\n--- end of sample ---");
  write_file("sample", fs::path(run.job().run_dir()) / sample_name, sample.prompt() + text + '\n');
}

int train_with(TrainingRun& run, const TrainOptions& options, const RankView& view) {
  const job::Job& job = run.job();
  std::string news;
  RunLock lock;
  try {
    news = begin_run(run, options, lock);
  } catch (const Stopped&) {
    if (run.leads()) std::cout << "told to stop before the first step; go on with --resume" << std::endl;
    return stopped_early;
  }
  const std::int64_t first = run.steps();
  Report report({.speaks = run.leads(),
                 .run_dir = job.run_dir(),
                 .title = fs::path(options.job).stem().string(),
                 .progress = {.first_step = first,
                              .total_steps = job.steps(),
                              .every_steps = job.log().every_steps(),
                              .unit = run.task().unit().empty() ? "samples" : std::string(run.task().unit()),
                              .columns = terminal_columns()},
                 .tensorboard = job.log().tensorboard(),
                 .plot = job.log().plot()});
  std::ostringstream head;
  if (!run.data_note().empty()) news += run.data_note() + "\n";
  if (!run.precision_note().empty()) news += run.precision_note() + "\n";
  if (!run.whole()) news += run.mesh().layout().text() + "\n";
  head << table_of(view, job) << run.note() << (run.note().empty() ? "" : "\n") << news << parameters_of(job)
       << " parameters, " << run.plan().global << " samples a step"
       << (first > 0 ? ", resumed after step " + std::to_string(first) : "");
  if (first >= job.steps())
    head << "\nnothing to do: the run has made " << first << " of " << job.steps()
         << " steps; --set steps= asks for more";
  report.note(head.str());
  try {
    run.leave_if_any_is_told();
    run.start_data(first);
    StepTrace trace(run, options.trace, view.places[static_cast<std::size_t>(view.world.rank())].host);
    const int code = run_loop(run, report, trace, first);
    if (code == 0) show_sample(run, report);
    return code;
  } catch (const Stopped&) {
    return leave(run, report);
  }
}

int train_rank(const job::Job& job, const TrainOptions& options, RankView& view) {
  TrainingRun run(job, view);
  try {
    return train_with(run, options, view);
  } catch (const parallel::SharedError&) {
    throw;
  } catch (const std::exception& error) {  // told to the others before this rank's part is taken down
    run.ranks().abort(error.what());
    throw;
  }
}

}  // namespace

int train(const TrainOptions& options) {
  const job::Job job = load_job(options.job, options.sets);
  if (options.dry_run || job.device() == "dry") {
    if (launched_by().rank == 0) std::cout << dry_run_report(job, options.ranks, options.json) << std::flush;
    return 0;
  }
  check_address_space();
  watch_for_stop();
  allow_shared_gpus(job.parallel().share_gpu());
  return on_ranks({.ranks = options.ranks, .as_threads = options.ranks_as_threads, .deadline = job.watchdog_seconds()},
                  [&](RankView& view) { return train_rank(job, options, view); });
}

}  // namespace trireme::launcher
