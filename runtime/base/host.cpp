#include "runtime/base/host.h"

#include <sched.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace trireme {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "unknown";
  return name.data();
}

int usable_cores() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof(cores), &cores) == 0) return CPU_COUNT(&cores);
  const auto all = static_cast<int>(std::thread::hardware_concurrency());  // more cores than cpu_set_t holds
  return all > 0 ? all : 1;
}

}  // namespace trireme
