#include "launcher/trainer/training_run.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "launcher/fleet/stop.h"
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
      device_(device_choice(job), view),
      backend_(device_.backend()),
      training_(job, backend_, device_.world(), layout_of(job, view.world.size())),
      step_(training_.context()) {}

void TrainingRun::open_data() {
  constexpr const char* told_to_stop = "told to stop";
  const std::vector<std::string> found =
      parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&]() -> std::string {
        try {
          sources_ = launcher::open_data(job_);
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
  loader_ = std::make_shared<data::Loader>(sources_.training, loader_options(job_));
  if (sources_.validation) {
    data::LoaderOptions options = loader_options(job_);
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
                                     .first_step = step,
                                     .ahead = std::max(1, job_.data().prefetch()),
                                     .deadline = milliseconds(job_.watchdog_seconds())});
}

parallel::StepResult TrainingRun::train(std::int64_t step, bool stop) {
  steps_ = step + 1;
  return step_.run(
      step, [&](std::int64_t, data::Share) { return prefetcher_->next(*backend_.device); }, stop);
}

double TrainingRun::validate(std::int64_t batches) {
  const std::int64_t all = validation_->source().samples();
  const std::int64_t samples = batches > 0 ? std::min(all, batches * plan().global) : all;
  // In rounds of one batch for each rank; between two of them the ranks ask each other whether to go on.
  const std::int64_t round = plan().micro * training_.data().size();
  double total = 0.0;
  for (std::int64_t begin = 0; begin < samples; begin += round) {
    leave_if_any_is_told();
    const std::int64_t count = std::min(round, samples - begin);
    const double loss = parallel::evaluate(training_.context(), count, [&](std::int64_t step, data::Share share) {
      return validation_->at(*backend_.device, step, {begin + share.first, share.count});
    });
    total += loss * static_cast<double>(count);
  }
  return total / static_cast<double>(samples);
}

void TrainingRun::leave_if_any_is_told() {
  if (parallel::any_rank(stop_requested(), "stop flag", *backend_.device, ranks(), backend_.device->compute()))
    throw Stopped();
}

void TrainingRun::save(std::int64_t steps) {
  parallel::save_state(store::checkpoint_path(job_.run_dir(), steps), steps, training_.state(),
                       provenance(job_, fingerprint_), ranks(), backend_.device->compute());
  saved_ = steps;
  parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&] {
    if (leads()) store::keep_last(job_.run_dir(), job_.checkpoint().keep());
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
          player().store_state();
          step = reader.step();
          return "";
        } catch (const store::DamagedCheckpoint& error) {
          return error.what();
        }
      });
  const auto found = std::find_if(damage.begin(), damage.end(), [](const std::string& text) { return !text.empty(); });
  if (found != damage.end()) return {.damage = *found, .note = {}};
  player().weights_changed();
  steps_ = saved_ = step;
  return loaded;
}

}  // namespace trireme::launcher
