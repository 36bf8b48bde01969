#include <memory>

#include "launcher/commands/bench_collectives.h"
#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/fleet/fleet.h"
#include "launcher/trainer/bench_pipeline.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/rank_device.h"
#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

struct StepRequest {
  BenchStepOptions step;
  RankChoice ranks;
};

std::vector<std::string> rank_command(const BenchStepOptions& options) {
  std::vector<std::string> words{own_path(),  "bench",
                                 "step",      options.model,
                                 "--batch",   std::to_string(options.batch),
                                 "--threads", std::to_string(options.threads),
                                 "--steps",   std::to_string(options.steps),
                                 "--warmup",  std::to_string(options.warmup),
                                 "--device",  options.device,
                                 "--dtype",   options.dtype};
  if (options.json) words.push_back("--json");
  return words;
}

void check(const BenchStepOptions& options) {
  require(options.batch >= 0, "--batch", "expected samples, or 0 for the model's own number, found", options.batch);
  check_threads(options.threads);
  require(options.steps >= 1, "--steps", "expected at least 1, found", options.steps);
  require(options.warmup >= 0, "--warmup", "expected 0 or more, found", options.warmup);
}

int run_step(StepRequest& request) {
  check(request.step);
  const Place place = launched_by();
  FleetOptions fleet = request.ranks.fleet();
  fleet.saves = false;
  request.step.ranks_as_threads = request.ranks.as_threads;
  if (!place.is_rank() && fleet.ranks == 0 && fleet.hosts.empty() && fleet.hostfile.empty()) fleet.ranks = 1;
  request.step.ranks = place.is_rank() ? place.size : fleet.ranks;
  if (!request.step.ranks_as_threads && needs_fleet(fleet, place)) return run_fleet(fleet, rank_command(request.step));
  return bench_step(request.step);
}

void add_step(Command bench) {
  auto request = std::make_shared<StepRequest>();
  BenchStepOptions& step = request->step;
  Command command = bench.add_command("step", "Time the training step of a model on a fixed batch");
  command
      .add_option(
          "model", step.model,
          "gpt-byte, gpt-tiny, gpt-124m, gpt-350m, gpt-774m, gpt-1558m, lstm, mlp, resnet18, resnet50 or dcgan64")
      .required()
      .type_name("MODEL");
  command.add_option("--batch", step.batch, "Samples per rank; 0: the model's own number")
      .shows_default()
      .type_name("N");
  command.add_option("--threads", step.threads, "Threads per rank; 0: the cores divided by the ranks")
      .shows_default()
      .type_name("N");
  command.add_option("--steps", step.steps, "Steps that are timed").shows_default().type_name("N");
  command.add_option("--warmup", step.warmup, "Steps before them").shows_default().type_name("N");
  command.add_option("--device", step.device, "cpu, cuda or reference").shows_default().type_name("NAME");
  command.add_option("--dtype", step.dtype, "fp32, bf16, fp16 or fp8").shows_default().type_name("NAME");
  command.add_flag("--json", step.json, "Print one JSON object");
  request->ranks.add_to(command, RankChoice::Restarts::absent);
  command.runs([request] { return run_step(*request); });
}

void add_pipeline(Command bench) {
  auto options = std::make_shared<BenchPipelineOptions>();
  Command command =
      bench.add_command("pipeline", "Measure how long ranks of a pipeline wait, beside what each schedule promises");
  command.add_option("--stages", options->stages, "Ranks, one stage each").shows_default().type_name("N");
  command.add_option("--micros", options->micros, "Micro-batches of a step").shows_default().type_name("N");
  command.add_option("--pass-ms", options->pass_ms, "Milliseconds of a forward pass, which is slept, not computed")
      .shows_default()
      .type_name("MS");
  command.add_option("--repeats", options->repeats, "Measurements, of which the best counts")
      .shows_default()
      .type_name("N");
  command.add_flag("--timeline", options->timeline, "Draw what each rank did when");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.runs(on_first_rank([options] { return bench_pipeline(*options); }));
}

struct CollectivesRequest {
  BenchCollectivesOptions collectives;
  RankChoice ranks;
  std::string transport = "mpi";
};

int run_collectives(CollectivesRequest& request) {
  require(request.transport == "mpi" || request.transport == "threads", "--transport", "expected mpi or threads, found",
          request.transport);
  require(request.collectives.samples >= 1, "--samples", "expected at least 1, found", request.collectives.samples);
  for (const std::int64_t bytes : request.collectives.sizes)
    require(bytes >= 4 && bytes % 4 == 0, "--bytes", "expected multiples of 4, found", bytes);
  FleetOptions fleet = request.ranks.fleet();
  fleet.saves = false;
  const Place place = launched_by();
  if (!place.is_rank() && fleet.ranks == 0 && fleet.hosts.empty() && fleet.hostfile.empty()) fleet.ranks = 2;
  request.collectives.ranks = place.is_rank() ? place.size : fleet.ranks;
  request.collectives.ranks_as_threads = request.transport == "threads" || request.ranks.as_threads;
  if (request.collectives.ranks_as_threads) return bench_collectives(request.collectives);
  require(place.is_rank() || fleet.ranks != 1, "-n", "expected at least 2 ranks for the mpi transport, found 1");
  if (!needs_fleet(fleet, place)) return bench_collectives(request.collectives);
  std::vector<std::string> words{own_path(), "bench", "collectives", "--samples",
                                 std::to_string(request.collectives.samples)};
  for (const std::int64_t bytes : request.collectives.sizes)
    words.insert(words.end(), {"--bytes", std::to_string(bytes)});
  if (request.collectives.json) words.push_back("--json");
  return run_fleet(fleet, words);
}

void add_collectives(Command bench) {
  auto request = std::make_shared<CollectivesRequest>();
  Command command = bench.add_command("collectives", "Measure latency and bandwidth between ranks, beside MPI's own");
  command
      .add_option("--transport", request->transport,
                  "mpi: ranks are processes; threads: ranks are threads of one process")
      .shows_default()
      .type_name("NAME");
  command.add_option("--bytes", request->collectives.sizes, "A size to measure, in bytes; may be repeated")
      .type_name("N")
      .once_per_value();
  command.add_option("--samples", request->collectives.samples, "Samples of each size").shows_default().type_name("N");
  command.add_flag("--json", request->collectives.json, "Print one JSON object");
  request->ranks.add_to(command, RankChoice::Restarts::absent);
  command.runs([request] { return run_collectives(*request); });
}

}  // namespace

void add_bench(Command program) {
  Command command = program.add_command("bench", "Measure this machine with this program");
  command.requires_command();
  add_step(command);
  add_pipeline(command);
  add_collectives(command);
}

}  // namespace trireme::launcher
