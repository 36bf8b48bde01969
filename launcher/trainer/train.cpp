#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "launcher/fleet/rank_table.h"
#include "launcher/fleet/stop.h"
#include "launcher/trainer/dry_run.h"
#include "launcher/trainer/entry.h"
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
  for (std::size_t rank = 0; rank < view.places.size(); ++rank) {
    const RankPlace& place = view.places[rank];
    const int threads = threads_of(job.threads(), place.local_size);
    rows.push_back({static_cast<int>(rank), place.host,
                    backend_name(job) + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads")});
  }
  return rank_table(rows);
}

// The run's folder. The first rank's work.
void prepare_folder(const job::Job& job, bool resume) {
  std::error_code error;
  fs::create_directories(job.run_dir(), error);
  if (error)
    fail("run_dir", "cannot make the folder", job.run_dir() + ":", error.message(),
         "- choose another with --set run_dir=");
  store::remove_unfinished(job.run_dir());
  if (!resume) {
    const store::FoundCheckpoint found = store::latest_checkpoint(job.run_dir());
    if (!found.path.empty())
      fail("run_dir", job.run_dir(), "holds a run that reached step", found.step,
           "- go on with it with --resume, remove the folder, or choose another with --set run_dir=");
    if (!found.refused.empty())
      fail("run_dir", job.run_dir(), "holds a damaged checkpoint:", found.refused.front(),
           "- remove the folder, or choose another with --set run_dir=");
  }
}

// Not before what the folder holds is known to fit the job.
void write_job(const job::Job& job) {
  const std::string path = (fs::path(job.run_dir()) / resolved_job_name).string();
  std::ofstream file(path);
  file << resolved_text(job);
  file.close();
  if (!file) fail("run_dir", "cannot write", path, "- is the disk full, or the folder read-only?");
}

// Where to go on from: the newest checkpoint that is in order, or the start.
// The first rank chooses: what it sees of a shared file system another rank may not see yet.
std::int64_t resume_from(TrainingRun& run, std::string& passed_over) {
  const std::vector<std::string> chosen =
      parallel::together(*run.backend().device, run.ranks(), run.backend().device->compute(), [&] {
        if (!run.leads()) return std::string();
        const store::FoundCheckpoint found = store::latest_checkpoint(run.job().run_dir());
        for (const std::string& line : found.refused) passed_over += "passed over: " + line + "\n";
        if (found.path.empty() && !found.refused.empty())
          fail("run_dir", run.job().run_dir(),
               "holds no checkpoint that is in order:\n" + passed_over +
                   "start again in another folder with --set run_dir=");
        return found.path;
      });
  return chosen.front().empty() ? 0 : run.load(chosen.front());
}

void show_sample(TrainingRun& run, Report& report) {
  const job::Sample& sample = run.job().sample();
  auto* language = dynamic_cast<LanguageModel*>(&run.task());
  const auto tokenizer = make_tokenizer(run.job());
  if (sample.tokens() == 0 || !language || !tokenizer) return;
  // Every rank writes the same text, so that none waits for another; the first one shows it.
  const std::string text = sample_text(language->model(), run.backend(), compute_dtype(run.job()), *tokenizer,
                                       {.prompt = sample.prompt(),
                                        .tokens = sample.tokens(),
                                        .temperature = sample.temperature(),
                                        .top_k = sample.top_k(),
                                        .seed = run.job().seed()});
  if (!run.leads()) return;
  report.note("--- sample ---\n" + sample.prompt() + text + "\n--- end of sample ---");
  std::ofstream((fs::path(run.job().run_dir()) / "sample.txt").string()) << sample.prompt() << text << '\n';
}

int train_with(TrainingRun& run, const TrainOptions& options, const RankView& view) {
  const job::Job& job = run.job();
  parallel::together(*run.backend().device, run.ranks(), run.backend().device->compute(), [&] {
    if (run.leads()) prepare_folder(job, options.resume);
    return std::string();
  });
  run.open_data();
  std::string passed_over;
  const std::int64_t first = options.resume ? resume_from(run, passed_over) : 0;
  parallel::together(*run.backend().device, run.ranks(), run.backend().device->compute(), [&] {
    if (run.leads()) write_job(job);
    return std::string();
  });
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
  head << table_of(view, job) << passed_over << run.player().parameters.parameter_count() << " parameters, "
       << run.plan().global << " samples a step" << (first > 0 ? ", resumed after step " + std::to_string(first) : "");
  report.note(head.str());
  run.start_data(first);
  StepTrace trace(run, options.trace, view.places[static_cast<std::size_t>(view.world.rank())].host);
  const int code = run_loop(run, report, trace, first);
  if (code == 0) show_sample(run, report);
  return code;
}

int train_rank(const job::Job& job, const TrainOptions& options, RankView& view) {
  TrainingRun run(job, view.world, view.ranks_on_host);
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
    std::cout << dry_run_report(job, options.ranks, options.json) << std::flush;
    return 0;
  }
  watch_for_stop();
  return on_ranks({.ranks = options.ranks, .as_threads = options.ranks_as_threads, .deadline = job.watchdog_seconds()},
                  [&](RankView& view) { return train_rank(job, options, view); });
}

}  // namespace trireme::launcher
