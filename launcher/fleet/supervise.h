// Running one command that starts ranks, from the first byte of its output to the last of its processes.
#pragma once

#include <string>

#include "launcher/fleet/mpirun.h"

namespace trireme::launcher {

struct Outcome {
  int exit_code = 0;     // the command's, or 128 + the signal that killed it
  bool stopped = false;  // a signal to this process asked for the end
  std::string message;   // why it failed, if nobody else has said so
  std::string lost;      // what was lost and may be there the next time: "rank 1 on host a was killed by ..."; or empty
};

// Passes the command's output on. The first SIGINT, SIGTERM, SIGHUP or SIGUSR1 to this process is handed to the ranks
// as SIGUSR1 (they save and leave after the same step), a second one, unless it is SIGUSR1, kills them. When the
// command has ended, or does not end although a rank is dead, everything below it is killed: nothing is left behind.
// Takes over the process's signals and its children until it returns.
Outcome supervise(const Launch& launch);

}  // namespace trireme::launcher
