// Ranks that are threads of one process; also the group of one rank.
#pragma once

#include <memory>
#include <vector>

#include "collectives/group/group.h"
#include "collectives/group/options.h"

namespace trireme {

// One group for each of `ranks` threads, to be moved into them; with one rank every operation is complete at once.
std::vector<std::unique_ptr<Group>> make_thread_groups(int ranks, const GroupOptions& options = {});

}  // namespace trireme
