#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/trainer/entry.h"
#include "runtime/base/error.h"

namespace trireme::launcher {

void add_plan(Command program) {
  auto options = std::make_shared<PlanOptions>();
  Command command = program.add_command("plan", "Say what a run would need on so many ranks, and start nothing");
  command.add_option("job", options->job, "Job file, in Protobuf text format").required().type_name("JOB");
  command.add_option("--ranks,-n", options->ranks, "Ranks; 0: as many as the job asks for")
      .shows_default()
      .type_name("N");
  command.add_option("--set", options->sets, "Override a field of the job").type_name("KEY=VALUE").once_per_value();
  command.add_flag("--json", options->json, "Print one JSON object");
  command.add_flag("--timeline", options->timeline, "Draw what each rank of the pipeline does when");
  command.add_option("--svg", options->svg, "Draw it into this file").type_name("FILE");
  command.runs(on_first_rank([options] {
    require(options->ranks >= 0, "--ranks", "expected 0 or more, found", options->ranks);
    return plan(*options);
  }));
}

}  // namespace trireme::launcher
