// The machine that this process runs on.
#pragma once

#include <string>

namespace trireme {

// What the machine calls itself; "unknown" where it does not say.
std::string host_name();

// Cores this process may run on: a container or a launcher may have bound it to some of the machine's.
int usable_cores();

}  // namespace trireme
