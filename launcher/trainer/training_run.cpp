#include "launcher/trainer/training_run.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

#include "launcher/fleet/stop.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/provenance.h"
#include "parallel/together/any_rank.h"
#include "parallel/together/together.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(1000.0 * seconds));
}

}  // namespace

TrainingRun::TrainingRun(const job::Job& job, const RankView& view)
    : job_(job),
      ranks_on_host_(view.ranks_on_host),
      device_(device_choice(job), view),
      backend_(device_.backend()),
      training_(job, backend_, device_.world(), layout_of(job, view.world.size())),
      step_(training_.context()),
      judge_(job),
      saver_(*backend_.device) {}

void TrainingRun::open_data() {
  constexpr const char* told_to_stop = "told to stop";
  const std::vector<std::string> found =
      parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&]() -> std::string {
        try {
          sources_ = launcher::open_data(job_, ranks_on_host_);
        } catch (const Stopped&) {
          return told_to_stop;
        }
        fingerprint_ = data::fingerprint(*sources_.training);
        return std::to_string(fingerprint_);
      });
  if (std::find(found.begin(), found.end(), told_to_stop) != found.end()) throw Stopped();
  for (std::size_t rank = 1; rank < found.size(); ++rank)
    if (found[rank] != found[0])
      throw parallel::SharedError("[data] rank " + std::to_string(rank) +
                                  " finds other training data than rank 0; give all hosts the same files");
  if (!sources_.class_weights.empty())
    task().weigh_classes(from_host<float>(*backend_.device, sources_.class_weights,
                                          {std::ssize(sources_.class_weights)}, MemoryKind::workspace));
  loader_ = std::make_shared<data::Loader>(sources_.training, loader_options(job_, ranks_on_host_));
  if (sources_.validation) {
    data::LoaderOptions options = loader_options(job_, ranks_on_host_);
    options.order = data::OrderKind::sequential;
    options.global_batch = sources_.validation->samples();  // the whole set is one batch, read in pieces
    validation_ = std::make_shared<data::Loader>(sources_.validation, options);
  }
}

void TrainingRun::start_data(std::int64_t step) {
  if (!training_.reads_data()) return;
  const parallel::Axis& axis = training_.data();
  prefetcher_ = std::make_unique<data::Prefetcher>(
      loader_, data::PrefetchOptions{.division = {axis.index(), axis.size(), plan().micros},
                                     .first_step = step * training_.batches_per_step(),
                                     .ahead = job_.data().prefetch(),
                                     .deadline = milliseconds(job_.watchdog_seconds())});
}

parallel::StepResult TrainingRun::train(std::int64_t step, bool stop) {
  steps_ = step + 1;
  const parallel::BatchSource next = [&](std::int64_t, data::Share) { return prefetcher_->next(*backend_.device); };
  return gan() ? gan()->run(step, next, stop) : step_.run(step, next, stop);
}

Validation TrainingRun::validate(std::int64_t batches) {
  const std::int64_t samples = validation_samples(job_, batches, validation_->source().samples());
  // In rounds of one batch for each rank; between two of them the ranks ask each other whether to go on.
  const std::int64_t round = plan().micro * training_.data().size();
  double total = 0.0;
  KnownTask& task = training_.task();
  parallel::SampleRecords records(task.record_width());
  const bool keeps_records = records.width() > 0;
  for (std::int64_t begin = 0; begin < samples; begin += round) {
    leave_if_any_is_told();
    const std::int64_t count = std::min(round, samples - begin);
    const double loss = parallel::evaluate(
        training_.context(), {begin, count},
        [&](std::int64_t step, data::Share share) { return validation_->at(*backend_.device, step, share); },
        keeps_records ? &records : nullptr);
    total += loss * static_cast<double>(count);
  }
  Validation found{.step = steps_, .loss = total / static_cast<double>(samples), .measures = {}};
  const std::vector<double> all =
      keeps_records ? records.of_all_ranks(*backend_.device, mesh().axis("pipeline"), training_.data())
                    : std::vector<double>{};
  found.measures = task.measures(all, found.loss);
  return found;
}

void TrainingRun::leave_if_any_is_told() {
  if (parallel::any_rank(stop_requested(), "stop flag", *backend_.device, ranks(), backend_.device->compute()))
    throw Stopped();
}

void TrainingRun::save(std::int64_t steps) {
  store::Metadata metadata = provenance(job_, fingerprint_);
  judge_.write(metadata);
  saver_.save({.path = store::checkpoint_path(job_.run_dir(), steps),
               .step = steps,
               .metadata = std::move(metadata),
               .published = [this] { store::keep_last(job_.run_dir(), job_.checkpoint().keep()); }},
              training_.state(), ranks(), backend_.device->compute());
  saved_ = steps;
}

void TrainingRun::finish_saving() {
  saver_.finish(ranks(), backend_.device->compute());
}

void TrainingRun::save_best(std::int64_t steps) {
  const std::string folder = best_folder(job_.run_dir());
  parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&] {
    std::error_code error;
    if (leads()) std::filesystem::create_directories(folder, error);
    require(!error, "checkpoint.best", folder + ": cannot be made:", error.message());
    return std::string();
  });
  store::Metadata metadata = provenance(job_, fingerprint_);
  judge_.write(metadata);
  parallel::save_state(store::checkpoint_path(folder, steps), steps, training_.state(), std::move(metadata), ranks(),
                       backend_.device->compute());
  parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&] {
    if (leads()) store::keep_last(folder, 1);
    return std::string();
  });
}

TrainingRun::Loaded TrainingRun::load(const std::string& checkpoint) {
  Loaded loaded;
  std::int64_t step = 0;
  const std::vector<std::string> damage =
      parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&]() -> std::string {
        try {
          const store::CheckpointReader reader(checkpoint);
          loaded.note =
              check_provenance(reader, provenance(job_, fingerprint_), job_.checkpoint().allow_changed_data());
          parallel::load_state(reader, training_.state());
          if (const std::string change = check_model(reader, job_); !change.empty())
            loaded.note += (loaded.note.empty() ? "" : ", ") + change;
          training_.store_state();
          step = reader.step();
          judge_.read(reader.metadata());
          return "";
        } catch (const store::DamagedCheckpoint& error) {
          return error.what();
        }
      });
  const auto found = std::find_if(damage.begin(), damage.end(), [](const std::string& text) { return !text.empty(); });
  if (found != damage.end()) return {.damage = *found, .note = {}};
  training_.weights_changed();
  steps_ = saved_ = step;
  return loaded;
}

}  // namespace trireme::launcher
