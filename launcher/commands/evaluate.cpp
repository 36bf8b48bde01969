#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/commands/command.h"
#include "launcher/trainer/entry.h"

namespace trireme::launcher {

void add_evaluate(CLI::App& program, Run& chosen) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App& command =
      *program.add_subcommand("evaluate", "Measure a trained model on validation data: loss, accuracy, ...");
  command.add_option("run", options->run, "Folder of a run, or of one of its checkpoints")
      ->required()
      ->type_name("RUN");
  command.add_option("--set", options->sets, "Override a field of the run's job: other data, another batch")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--batches", options->batches, "Batches to measure; 0: all")
      ->capture_default_str()
      ->type_name("N");
  command.add_flag("--test", options->test, "Measure on the samples that data.split keeps for the test");
  command.add_option("--device", options->device, "auto, cpu, cuda or reference")
      ->capture_default_str()
      ->type_name("NAME");
  command.add_option("--threads", options->threads, "Threads to compute with; 0: all cores")
      ->capture_default_str()
      ->type_name("N");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.callback([options, &chosen] { chosen = [options] { return evaluate(*options); }; });
}

}  // namespace trireme::launcher
