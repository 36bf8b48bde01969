#include "launcher/fleet/place.h"

#include <cstdlib>

namespace trireme::launcher {

Environment process_environment() {
  return [](const char* name) { return std::getenv(name); };
}

bool is_supervised(const Environment& environment) {
  return environment(variables::supervised) != nullptr;
}

}  // namespace trireme::launcher
