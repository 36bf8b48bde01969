#include "launcher/trainer/finished_run.h"

#include <filesystem>

#include "parallel/snapshot/snapshot.h"
#include "runtime/store/manifest.h"
#include "runtime/store/run_folder.h"

namespace trireme::launcher {
namespace {

std::string checkpoint_of(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) fail("run", "expected the folder of a run or of a checkpoint, found", path);
  if (fs::exists(fs::path(path) / store::manifest_name)) return path;
  const store::FoundCheckpoint found = store::latest_checkpoint(path);
  if (!found.path.empty()) return found.path;
  std::string refused;
  for (const std::string& line : found.refused) refused += "\n  " + line;
  fail("run", "expected a checkpoint in", path, "and found none that is in order" + refused);
}

}  // namespace

FinishedRun::FinishedRun(const std::string& path, const std::vector<std::string>& sets, const std::string& device,
                         int threads)
    : checkpoint(checkpoint_of(path)) {
  const store::CheckpointReader reader(checkpoint);
  step = reader.step();
  const auto text = reader.metadata().find("job");
  if (text == reader.metadata().end()) fail("run", checkpoint, "does not say which job made it");
  job = load_job_text(checkpoint + "/" + std::string(store::manifest_name), text->second, sets);
  backend = make_backend(device == "auto" ? "cpu" : device, threads_of(threads, 1));
  task = make_task(job);
  parameters = std::make_unique<nn::FlatParameters>(
      task->network(), *backend.device, *backend.kernels,
      nn::FlatOptions{.compute = compute_dtype(job), .gradients = false});
  parallel::load_parameters(reader, *parameters);
}

}  // namespace trireme::launcher
