// The options of commands that run on several ranks.
#pragma once

#include <string>
#include <vector>

#include "launcher/commands/command_line.h"
#include "launcher/fleet/mpirun.h"

namespace trireme::launcher {

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
