// The options of commands that run on several ranks.
#pragma once

#include <string>
#include <vector>

#include "launcher/commands/command_line.h"
#include "launcher/fleet/mpirun.h"

namespace trireme::launcher {

// For commands of one process: where a launcher has started several, the first does the work and the others leave.
Run on_first_rank(Run run);

struct RankChoice {
  enum class Restarts { offered, absent };

  int ranks = 0;
  bool ranks_given = false;
  bool as_threads = false;
  std::string hosts, hostfile;
  std::vector<std::string> mpirun_words;
  int max_restarts = 0;

  void add_to(Command command, Restarts restarts);
  // Checks what was given. Ranks are 0 where the number was left out.
  FleetOptions fleet() const;
};

}  // namespace trireme::launcher
