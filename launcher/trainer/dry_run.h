// What a run would need, found by running its step on a device without memory.
#pragma once

#include <string>

#include "launcher/config/config.h"

namespace trireme::launcher {

// Parameters, memory of a rank, FLOPs and bytes sent per step of a run of `job` on `ranks` ranks: as text, or as JSON.
std::string dry_run_report(const job::Job& job, int ranks, bool json);

}  // namespace trireme::launcher
