// The processes below one of ours, as /proc shows them.
#pragma once

#include <sys/types.h>

#include <vector>

namespace trireme::launcher {

struct ProcessState {
  pid_t id = 0;
  char state = '?';  // 'R', 'S', 'T' stopped, 'Z' dead and not yet collected by its parent, ...
};

// Children of `root`, their children, and so on; without `root`.
std::vector<ProcessState> descendants(pid_t root);

}  // namespace trireme::launcher
