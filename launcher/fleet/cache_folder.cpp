#include "launcher/fleet/cache_folder.h"

namespace trireme::launcher {

std::string cache_folder(const Environment& environment) {
  const auto folder = [&](const char* name) {
    const char* value = environment(name);
    return value && value[0] == '/' ? std::string(value) : std::string();
  };
  const std::string cache = folder("XDG_CACHE_HOME"), home = folder("HOME");
  if (!cache.empty()) return cache + "/trireme";
  return home.empty() ? std::string() : home + "/.cache/trireme";
}

}  // namespace trireme::launcher
