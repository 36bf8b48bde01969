#include <CLI/CLI.hpp>
#include <cstdio>

#include "launcher/commands/command.h"

namespace trireme::launcher {

void add_version(CLI::App& program, Run& chosen) {
  CLI::App& command = *program.add_subcommand("version", "Print the version");
  command.callback([&chosen] {
    chosen = [] {
      std::puts("trireme " TRIREME_VERSION);
      return 0;
    };
  });
}

}  // namespace trireme::launcher
