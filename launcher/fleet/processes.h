// The processes below one of ours, as /proc shows them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::launcher {

struct ProcessState {
  pid_t id = 0;
  char state = '?';  // 'R', 'S', 'T' stopped, 'Z' dead and not yet collected by its parent, ...
};

// Children of `root`, their children, and so on; without `root`.
std::vector<ProcessState> descendants(pid_t root);

// How many processes the kernel has killed for want of memory since the machine started; 0 where it does not say.
std::int64_t out_of_memory_kills(const std::string& counters = "/proc/vmstat");

}  // namespace trireme::launcher
