#include "launcher/trainer/beginning.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "launcher/report/metrics.h"
#include "launcher/report/report.h"
#include "launcher/report/written_file.h"
#include "parallel/together/together.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;

constexpr const char* mark_name = "started-by";

// Whether this run was begun by the command that has now started the ranks again.
bool is_our_own(const job::Job& job, const TrainOptions& options) {
  std::ifstream file(fs::path(job.run_dir()) / mark_name);
  std::string mark;
  std::getline(file, mark);
  return !options.mark.empty() && mark == options.mark;
}

// Whether `options` name a checkpoint of this very run.
bool is_of_this_run(const job::Job& job, const TrainOptions& options) {
  std::error_code error;
  fs::path checkpoint = fs::weakly_canonical(options.checkpoint, error);
  if (!checkpoint.has_filename()) checkpoint = checkpoint.parent_path();  // "run/step-00000010/"
  return !options.checkpoint.empty() && checkpoint.parent_path() == fs::weakly_canonical(job.run_dir(), error);
}

std::string text_of(const fs::path& path) {
  return InputFile("run_dir", path.string()).read_all(std::int64_t{1} << 20);
}

void make_folder(const std::string& run_dir) {
  constexpr const char* remedy = "- choose another with --set run_dir=";
  std::error_code error, ignored;
  fs::create_directories(run_dir, error);
  if (error && fs::is_symlink(run_dir, ignored) && !fs::exists(run_dir, ignored))
    fail("run_dir", run_dir, "is a symbolic link to",
         fs::read_symlink(run_dir, ignored).string() + ", where nothing is", remedy);
  if (error) fail("run_dir", "cannot make the folder", run_dir + ":", error.message(), remedy);
  for (const char* name : {resolved_job_name, metrics_name, plot_name, sample_name})
    if (const fs::path file = fs::path(run_dir) / name; fs::is_directory(file, ignored))
      fail("run_dir", file.string() + ": expected a file to write, found a folder", remedy);
}

// The first rank's work. A run that lies in the folder must be the one that is meant. Returns the name in its lock.
std::string prepare_folder(const job::Job& job, const TrainOptions& options, bool own, RunLock& lock) {
  std::error_code error;
  if (!options.checkpoint.empty() && !fs::exists(fs::path(options.checkpoint) / store::manifest_name, error))
    fail("resume", "expected a checkpoint, a folder as RUN/step-00000100 with a",
         std::string(store::manifest_name) + ",", "found", options.checkpoint);
  make_folder(job.run_dir());
  std::string holder = lock.take(job.run_dir());
  // The resolved job goes to the folder: over a copy of its own, but not over what a person has written.
  const fs::path resolved = fs::path(job.run_dir()) / resolved_job_name;
  if (fs::equivalent(options.job, resolved, error) && resolved_text(load_job(options.job, {})) != text_of(resolved))
    fail("run_dir", "the resolved job would be written over the job itself,", options.job,
         "- choose another folder with --set run_dir=");
  const bool meant = own || (options.resume && options.checkpoint.empty()) || is_of_this_run(job, options);
  if (!meant) {
    const store::FoundCheckpoint found = store::latest_checkpoint(job.run_dir());
    if (!found.path.empty())
      fail("run_dir", job.run_dir(), "holds a run that reached step", found.step,
           "- go on with it with --resume, remove the folder, or choose another with --set run_dir=");
    if (!found.refused.empty())
      fail("run_dir", job.run_dir(), "holds a damaged checkpoint:", found.refused.front(),
           "- remove the folder, or choose another with --set run_dir=");
  }
  for (const std::string& folder : {job.run_dir(), best_folder(job.run_dir())}) store::remove_unfinished(folder);
  return holder;
}

// The folder becomes this run's. The first rank's work; not before what the folder holds is known to fit the job.
// Returns what there is to say.
std::string take_folder(const job::Job& job, const TrainOptions& options, std::int64_t steps, bool own) {
  std::string news;
  for (const std::string& folder : {job.run_dir(), best_folder(job.run_dir())}) store::pass_over_after(folder, steps);
  const fs::path folder = job.run_dir(), metrics = folder / metrics_name;
  std::error_code error;
  if (steps == 0 && !own && fs::file_size(metrics, error) > 0 && !error) {
    const std::string before = metrics.string() + ".before";
    fs::rename(metrics, before, error);
    if (error) fail("run_dir", metrics.string() + ": cannot be renamed:", error.message());
    news = "the metrics of an earlier run are now in " + before + '\n';
  }
  write_file("run_dir", folder / resolved_job_name, resolved_text(job));
  if (!options.mark.empty()) write_file("run_dir", folder / mark_name, options.mark + '\n');
  return news;
}

// What `work` returns on the first rank, on all of them.
template <class Work>
std::string from_first_rank(TrainingRun& run, Work&& work) {
  return parallel::together(*run.backend().device, run.ranks(), run.backend().device->compute(),
                            [&] { return run.leads() ? work() : std::string(); })
      .front();
}

std::string change_since(const std::string& checkpoint, const std::string& note) {
  return note.empty() ? "" : "since " + checkpoint + ": " + note + '\n';
}

// Loads the newest checkpoint of the run's folder that is whole, if there is one; returns what there is to say.
// The first rank chooses: what it sees of a shared file system another rank may not see yet.
std::string load_newest(TrainingRun& run) {
  const std::string& folder = run.job().run_dir();
  std::string passed_over;
  for (std::int64_t before = store::any_step;;) {
    const std::string checkpoint = from_first_rank(run, [&] {
      const store::FoundCheckpoint found = store::latest_checkpoint(folder, before);
      for (const std::string& line : found.refused) passed_over += "passed over: " + line + '\n';
      if (found.path.empty() && !passed_over.empty())
        fail(
            "run_dir", folder,
            "holds no checkpoint that is whole:\n" + passed_over + "start again in another folder with --set run_dir=");
      before = found.step;
      return found.path;
    });
    if (checkpoint.empty()) return {};
    const TrainingRun::Loaded loaded = run.load(checkpoint);
    if (loaded.damage.empty()) return passed_over + change_since(checkpoint, loaded.note);
    passed_over += "passed over: " + loaded.damage + '\n';
  }
}

std::string load_named(TrainingRun& run, const std::string& checkpoint) {
  const TrainingRun::Loaded loaded = run.load(checkpoint);
  if (!loaded.damage.empty()) throw parallel::SharedError(loaded.damage);
  return change_since(checkpoint, loaded.note);
}

// Every rank writes its part of a checkpoint: all must find the folder that the first rank has taken.
void find_folder(TrainingRun& run, const std::string& holder) {
  constexpr std::chrono::seconds patience{10};  // for a network's file system
  if (holder.empty()) return;
  parallel::together(*run.backend().device, run.ranks(), run.backend().device->compute(), [&] {
    const std::string& run_dir = run.job().run_dir();
    const auto start = std::chrono::steady_clock::now();
    while (!run.leads() && RunLock::holder_of(run_dir) != holder) {
      if (std::chrono::steady_clock::now() - start > patience)
        fail("run_dir", "rank", run.ranks().rank(), "on host", host_name() + ":", fs::absolute(run_dir).string(),
             "is not the folder that rank 0 writes to; choose one that all ranks share");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return std::string();
  });
}

}  // namespace

std::string begin_run(TrainingRun& run, const TrainOptions& options, RunLock& lock) {
  constexpr char known = '+', unknown = '-';  // whether the run is our own, before the name in the lock
  const std::string found = from_first_rank(run, [&] {
    const bool ours = is_our_own(run.job(), options);
    return (ours ? known : unknown) + prepare_folder(run.job(), options, ours, lock);
  });
  const bool own = found.front() == known;
  find_folder(run, found.substr(1));
  run.open_data();
  std::string news;
  if (own || (options.resume && options.checkpoint.empty())) news = load_newest(run);
  if (!options.checkpoint.empty() && run.steps() == 0) news = load_named(run, options.checkpoint);
  if (options.resume && run.steps() == 0 && !own)
    news += "nothing to resume from in " + run.job().run_dir() + ": the run begins anew\n";
  return news + from_first_rank(run, [&] { return take_folder(run.job(), options, run.steps(), own); });
}

}  // namespace trireme::launcher
