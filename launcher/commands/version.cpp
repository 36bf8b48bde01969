#include <cstdio>

#include "launcher/commands/command.h"

namespace trireme::launcher {

void add_version(Command program) {
  Command command = program.add_command("version", "Print the version");
  command.runs([] {
    std::puts("trireme " TRIREME_VERSION);
    return 0;
  });
}

}  // namespace trireme::launcher
