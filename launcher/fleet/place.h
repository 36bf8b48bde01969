// What this process's own environment says of the rank that it is.
#pragma once

#include "collectives/rendezvous/place.h"

namespace trireme::launcher {

// std::getenv; tests bring their own tables.
Environment process_environment();

using trireme::launched_by;
using trireme::Place;
inline Place launched_by() {
  return launched_by(process_environment());
}

// Whether `trireme train -n N` itself started this rank and looks after it.
bool is_supervised(const Environment& environment = process_environment());

namespace variables {
inline constexpr const char* supervised = "TRIREME_SUPERVISED";
inline constexpr const char* terminal = "TRIREME_TERMINAL";  // columns of the terminal that the ranks' output goes to
}  // namespace variables

}  // namespace trireme::launcher
