// Starting a run's ranks and staying with them to the end.
#pragma once

#include <string>
#include <vector>

#include "launcher/fleet/mpirun.h"

namespace trireme::launcher {

// Whether this process is to start ranks with run_fleet(): more than one is wanted, or other hosts, or restarts, and it
// is not a rank itself. Throws Error when it is a rank and `options` ask for something else than what started it did.
bool needs_fleet(const FleetOptions& options, const Place& place);

// Starts `program` (this program and its arguments) on every rank, passes its output on, and returns its exit code: the
// failed rank's, or 128 + the signal that killed it. When a rank or a host was lost, or did not answer in time, starts
// it again, at most options.max_restarts times; an error that a rank has told would come again. What it has to say goes
// to stderr.
int run_fleet(const FleetOptions& options, const std::vector<std::string>& program);

// The path of the running program, for run_fleet().
std::string own_path();

}  // namespace trireme::launcher
