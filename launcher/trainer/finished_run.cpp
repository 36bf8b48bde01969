#include "launcher/trainer/finished_run.h"

#include <filesystem>
#include <iostream>

#include "launcher/fleet/cache_folder.h"
#include "launcher/trainer/provenance.h"
#include "parallel/snapshot/snapshot.h"
#include "runtime/store/manifest.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {

FinishedRun::FinishedRun(Options options) {
  namespace fs = std::filesystem;
  options.device = computing_device(options.device);
  check_threads(options.threads);
  check_address_space();
  std::error_code error;
  if (!fs::is_directory(options.path, error))
    fail("run", "expected the folder of a run or of a checkpoint, found", options.path,
         error ? "(" + error.message() + ")" : "");
  if (fs::exists(fs::path(options.path) / store::manifest_name, error)) {
    open(options.path, options);
    return;
  }
  std::string passed_over;
  for (std::int64_t before = store::any_step; checkpoint.empty();) {
    const store::FoundCheckpoint found = store::latest_checkpoint(options.path, before);
    for (const std::string& line : found.refused) passed_over += "passed over: " + line + '\n';
    if (found.path.empty())
      fail("run", "expected a checkpoint in", options.path, "and found none that is whole\n" + passed_over);
    try {
      open(found.path, options);
    } catch (const store::DamagedCheckpoint& damage) {
      passed_over += std::string("passed over: ") + damage.what() + '\n';
    }
    before = found.step;
  }
  std::cerr << passed_over;
}

void FinishedRun::open(const std::string& path, const Options& options) {
  const store::CheckpointReader reader(path);
  step = reader.step();
  const auto text = reader.metadata().find("job");
  if (text == reader.metadata().end()) fail("run", path, "does not say which job made it");
  job = load_job_text(path + "/" + std::string(store::manifest_name), text->second, options.sets);
  check_model(reader, job);
  backend = make_backend(options.device, threads_of(options.threads, 1), 0, cache_folder());
  task = make_task(job);
  parameters = std::make_unique<nn::FlatParameters>(task->result(), *backend.device, *backend.kernels,
                                                    nn::FlatOptions{.compute = compute_dtype(job), .gradients = false});
  parallel::load_parameters(reader, *parameters,
                            task->opponent() ? parallel::Networks::several : parallel::Networks::one);
  checkpoint = path;
}

}  // namespace trireme::launcher
