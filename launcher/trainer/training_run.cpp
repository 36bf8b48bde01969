#include "launcher/trainer/training_run.h"

#include <algorithm>
#include <utility>

#include "parallel/together/together.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

int data_ranks(const job::Job& job, const Group& world) {
  return job.parallel().data() > 0 ? job.parallel().data() : world.size();
}

}  // namespace

TrainingRun::TrainingRun(const job::Job& job, Group& world, int ranks_on_host)
    : job_(job),
      backend_(make_backend(backend_name(job), threads_of(job.threads(), ranks_on_host))),
      mesh_(world, {{"data", data_ranks(job, world)}}),
      task_(make_task(job)),
      plan_(parallel::plan_batch(job.batch().global(), job.batch().micro(), mesh_.axis("data").size())),
      player_(task_->network(), backend_, mesh_.axis("data"), player_options(job)),
      context_{backend_, mesh_.axis("data"), *task_, player_, plan_, job.seed()},
      step_(context_) {}

void TrainingRun::open_data() {
  parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&] {
    sources_ = launcher::open_data(job_);
    return std::string();
  });
  training_ = std::make_shared<data::Loader>(sources_.training, loader_options(job_));
  if (sources_.validation) {
    data::LoaderOptions options = loader_options(job_);
    options.order = data::OrderKind::sequential;
    options.global_batch = sources_.validation->samples();  // the whole set is one batch, read in pieces
    validation_ = std::make_shared<data::Loader>(sources_.validation, options);
  }
}

void TrainingRun::start_data(std::int64_t step) {
  const parallel::Axis& axis = mesh_.axis("data");
  prefetcher_ = std::make_unique<data::Prefetcher>(
      training_, data::PrefetchOptions{.division = {axis.index(), axis.size(), plan_.micros},
                                       .first_step = step,
                                       .ahead = std::max(1, job_.data().prefetch())});
}

parallel::StepResult TrainingRun::train(std::int64_t step, bool stop) {
  return step_.run(
      step, [&](std::int64_t, data::Share) { return prefetcher_->next(*backend_.device); }, stop);
}

double TrainingRun::validate(std::int64_t batches) {
  const std::int64_t all = validation_->source().samples();
  const std::int64_t samples = batches > 0 ? std::min(all, batches * plan_.global) : all;
  return parallel::evaluate(context_, samples, [&](std::int64_t step, data::Share share) {
    return validation_->at(*backend_.device, step, share);
  });
}

void TrainingRun::save(std::int64_t steps) {
  player_.fetch_state();
  store::Metadata metadata{{"job", resolved_text(job_)}};
  parallel::save_state(store::checkpoint_path(job_.run_dir(), steps), steps,
                       {player_.parameters, player_.optimizer, player_.loss_scale}, std::move(metadata), ranks(),
                       backend_.device->compute());
  parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&] {
    if (leads()) store::keep_last(job_.run_dir(), job_.checkpoint().keep());
    return std::string();
  });
}

std::int64_t TrainingRun::load(const std::string& checkpoint) {
  std::int64_t step = 0;
  parallel::together(*backend_.device, ranks(), backend_.device->compute(), [&] {
    const store::CheckpointReader reader(checkpoint);
    parallel::load_state(reader, {player_.parameters, player_.optimizer, player_.loss_scale});
    player_.store_state();
    step = reader.step();
    return std::string();
  });
  player_.weights_changed();
  return step;
}

}  // namespace trireme::launcher
