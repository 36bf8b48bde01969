#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/trainer/entry.h"

namespace trireme::launcher {

void add_generate(Command program) {
  auto options = std::make_shared<GenerateOptions>();
  Command command =
      program.add_command("generate", "Write text with a trained language model, or draw pictures with a GAN");
  command.add_option("run", options->run, "Folder of a run, or of one of its checkpoints").required().type_name("RUN");
  command.add_option("--prompt", options->prompt, "How the text begins").type_name("TEXT").may_be_empty();
  command.add_option("--tokens", options->tokens, "Tokens to add").shows_default().type_name("N");
  command
      .add_option("--temperature", options->temperature, "Below 1 likely tokens become likelier; 0 takes the likeliest")
      .shows_default()
      .type_name("T");
  command.add_option("--top-k", options->top_k, "Choose among this many of the likeliest tokens; 0: among all")
      .shows_default()
      .type_name("K");
  command.add_option("--pictures", options->pictures, "Pictures to draw").shows_default().type_name("N");
  command.add_option("--class", options->of_class, "Draw this class alone; not given: all in turn").type_name("N");
  command.add_option("--out", options->out, "The PNG file to draw into; not given: pictures.png in the run's folder")
      .type_name("FILE");
  command.add_option("--seed", options->seed, "Another number, another text or other pictures")
      .shows_default()
      .type_name("N");
  command.add_option("--device", options->device, "auto, cpu, cuda or reference").shows_default().type_name("NAME");
  command.add_option("--threads", options->threads, "Threads to compute with; 0: all cores")
      .shows_default()
      .type_name("N");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.runs(on_first_rank([options] { return generate(*options); }));
}

}  // namespace trireme::launcher
