// The ranks that one process stands for: one of a launcher's, several threads, or itself alone.
#pragma once

#include <functional>
#include <vector>

#include "collectives/group/group.h"
#include "collectives/rendezvous/world.h"

namespace trireme::launcher {

struct RankOptions {
  int ranks = 1;            // of the whole run
  bool as_threads = false;  // all of them in this process
  double deadline = 300.0;  // seconds that a rank waits for another
};

// What the body of a rank gets to know about the others.
struct RankView {
  Group& world;
  int ranks_on_host = 1;
  std::vector<RankPlace> places;  // by rank
};

// Calls body(view) for each rank of this process and returns the exit code: the largest that a body returned, or 1
// after an error (timed_out after a TimedOut), which has then been shown, with the rank's number where there are
// several. An error of one rank ends all.
int on_ranks(const RankOptions& options, const std::function<int(RankView&)>& body);

}  // namespace trireme::launcher
