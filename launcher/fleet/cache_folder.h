// Where this machine keeps what programs found out and can find out again.
#pragma once

#include <string>

#include "launcher/fleet/place.h"

namespace trireme::launcher {

// $XDG_CACHE_HOME/trireme, else $HOME/.cache/trireme (XDG Base Directory Specification); empty where neither variable
// holds an absolute path. It need not exist.
std::string cache_folder(const Environment& environment = process_environment());

}  // namespace trireme::launcher
