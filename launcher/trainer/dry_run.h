// What a run would need, found by running its step on a device without memory.
#pragma once

#include <string>

#include "launcher/config/config.h"

namespace trireme::launcher {

// What a run of `job` on `ranks` ranks would need, for every rank that needs another than the rest: parameters, memory
// at its peak by kind, FLOPs and bytes sent per step by axis; and what part of the time a pipeline would leave ranks
// idle. As text, or as JSON.
std::string dry_run_report(const job::Job& job, int ranks, bool json);

}  // namespace trireme::launcher
