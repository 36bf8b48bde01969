// What the makers of groups let a caller choose.
#pragma once

#include <string>
#include <vector>

namespace trireme {

struct GroupOptions {
  double deadline = 300.0;  // seconds that any one wait may take
  std::string name = "world";
  // For tests of the path between processes with threads: only memory of Group::allocate is shared.
  bool pretend_processes = false;
  // For tests of the path between hosts on one machine: the host that each rank pretends to be on; empty: the truth.
  std::vector<int> pretend_hosts = {};
};

}  // namespace trireme
