#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/trainer/entry.h"

namespace trireme::launcher {

void add_export(Command program) {
  auto options = std::make_shared<ExportOptions>();
  Command command = program.add_command(
      "export", "Write the weights of a run, whatever its layout was, into one safetensors file of whole tensors");
  command.add_option("run", options->run, "Folder of a run, or of one of its checkpoints").required().type_name("RUN");
  command.add_option("file", options->file, "File to write; one that is there is replaced")
      .required()
      .type_name("FILE");
  command.runs(on_first_rank([options] { return export_weights(*options); }));
}

}  // namespace trireme::launcher
