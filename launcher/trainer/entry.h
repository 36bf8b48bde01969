// What the commands of the `trireme` program ask of the trainer. Each function returns the program's exit code
// (fleet/exit_codes.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/report/trace.h"

namespace trireme::launcher {

// Where the checkpoint of a run's best validation lies: a folder that can be used as the run's own.
inline std::string best_folder(const std::string& run) {
  return run + "/best";
}

struct TrainOptions {
  std::string job;                // path of the job file
  std::vector<std::string> sets;  // "path.to.key=value", in order
  int ranks = 1;                  // of the whole run
  bool ranks_as_threads = false;  // all ranks in this process; otherwise this process is one rank (fleet/place.h)
  bool resume = false;            // from the newest checkpoint in the run's folder; from the start where there is none
  std::string checkpoint = {};    // resume from this one
  // What the command is known by that starts the ranks, again after a failure: a run that carries this mark is its own,
  // and is resumed.
  std::string mark = {};
  TraceSteps trace{};    // steps whose timeline is written
  bool dry_run = false;  // print what a run on `ranks` ranks would need, touch nothing
  bool json = false;     // print the dry run's report as JSON
};
int train(const TrainOptions& options);

struct PlanOptions {
  std::string job;
  std::vector<std::string> sets;
  int ranks = 0;  // 0: as many as the job asks for
  bool json = false;
  bool timeline = false;  // draw the pipeline's schedule
  std::string svg;        // file to draw it into as well; empty: none
};
// Prints what a run would need, and what its pipeline would look like; starts nothing.
int plan(const PlanOptions& options);

struct GenerateOptions {
  std::string run;  // a run's folder, or one of its checkpoints
  std::string prompt;
  std::int64_t tokens = 200;
  double temperature = 0.8;  // 0 takes the likeliest token
  std::int64_t top_k = 40;   // 0 chooses among all
  std::uint64_t seed = 1;
  // Of a model that draws.
  std::int64_t pictures = 100;
  std::int64_t of_class = -1;  // below 0: of all in turn
  std::string out;             // a PNG file; empty: pictures.png in the run's folder
  std::string device = "auto";
  int threads = 0;
  bool json = false;
};
int generate(const GenerateOptions& options);

struct EvaluateOptions {
  std::string run;                // a run's folder, or one of its checkpoints
  std::vector<std::string> sets;  // over the run's job: other data, another batch
  std::int64_t batches = 0;       // of the training size; 0: the whole validation set
  bool test = false;              // the samples that data.split keeps for the test, instead of those for validation
  std::string device = "auto";
  int threads = 0;
  bool json = false;
};
int evaluate(const EvaluateOptions& options);

struct ExportOptions {
  std::string run;   // a run's folder, or one of its checkpoints
  std::string file;  // a file already there is replaced once the new one is whole
};
// Writes the weights as one safetensors file of whole fp32 tensors.
int export_weights(const ExportOptions& options);

struct BenchStepOptions {
  std::string model;       // "gpt-byte", "gpt-tiny", "gpt-124m", "mlp", "lstm"
  std::int64_t batch = 0;  // samples per rank; 0: the model's own
  int threads = 0;         // per rank; 0: the cores divided by the ranks
  int ranks = 1;
  bool ranks_as_threads = false;
  std::int64_t steps = 20;
  std::int64_t warmup = 3;
  std::string device = "cpu";
  std::string dtype = "fp32";  // "fp32", "bf16", "fp16"
  bool json = false;
};
int bench_step(const BenchStepOptions& options);

struct BenchPipelineOptions;
// Prints how long ranks of a pipeline wait, measured and promised, for every schedule.
int bench_pipeline(const BenchPipelineOptions& options);

}  // namespace trireme::launcher
