// Starting a run's ranks and staying with them to the end.
#pragma once

#include <string>
#include <vector>

#include "launcher/fleet/mpirun.h"

namespace trireme::launcher {

// Whether this process is to start ranks with run_fleet(): more than one is wanted, or other hosts, and it is not a
// rank itself. Throws Error when this process is one of a different number of ranks than `options` asks for.
bool needs_fleet(const FleetOptions& options, const Place& place);

// Starts `program` (this program and its arguments) on every rank, passes its output on, and returns its exit code: the
// failed rank's, or 128 + the signal that killed it. After a failure starts it again with `--resume`, at most
// options.max_restarts times. What it has to say goes to stderr.
int run_fleet(const FleetOptions& options, const std::vector<std::string>& program);

// The path of the running program, for run_fleet().
std::string own_path();

}  // namespace trireme::launcher
