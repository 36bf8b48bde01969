#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/trainer/entry.h"

namespace trireme::launcher {

void add_evaluate(Command program) {
  auto options = std::make_shared<EvaluateOptions>();
  Command command = program.add_command("evaluate", "Measure a trained model on validation data: loss, accuracy, ...");
  command.add_option("run", options->run, "Folder of a run, or of one of its checkpoints").required().type_name("RUN");
  command.add_option("--set", options->sets, "Override a field of the run's job: other data, another batch")
      .type_name("KEY=VALUE")
      .once_per_value();
  command.add_option("--batches", options->batches, "Batches to measure; 0: all").shows_default().type_name("N");
  command.add_flag("--test", options->test, "Measure on the samples that data.split keeps for the test");
  command.add_option("--device", options->device, "auto, cpu, cuda or reference").shows_default().type_name("NAME");
  command.add_option("--threads", options->threads, "Threads to compute with; 0: all cores")
      .shows_default()
      .type_name("N");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.runs(on_first_rank([options] { return evaluate(*options); }));
}

}  // namespace trireme::launcher
