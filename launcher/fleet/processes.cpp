#include "launcher/fleet/processes.h"

#include <dirent.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>

namespace trireme::launcher {
namespace {

struct Entry {
  ProcessState process;
  pid_t parent = 0;
};

// The name in parentheses may hold anything, so the fields are those behind the last parenthesis.
bool read_entry(const std::string& id, Entry& entry) {
  std::ifstream file("/proc/" + id + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const std::size_t close = line.rfind(')');
  if (close == std::string::npos || close + 4 >= line.size()) return false;
  entry.process.id = static_cast<pid_t>(std::atol(id.c_str()));
  entry.process.state = line[close + 2];
  entry.parent = static_cast<pid_t>(std::atol(line.c_str() + close + 4));
  return true;
}

}  // namespace

std::vector<ProcessState> descendants(pid_t root) {
  std::multimap<pid_t, ProcessState> children;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
  while (const dirent* name = folder ? readdir(folder.get()) : nullptr) {
    Entry entry;
    if (std::isdigit(static_cast<unsigned char>(name->d_name[0])) && read_entry(name->d_name, entry))
      children.emplace(entry.parent, entry.process);
  }
  std::vector<ProcessState> found;
  std::vector<pid_t> parents{root};
  while (!parents.empty()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    const auto [first, last] = children.equal_range(parent);
    for (auto child = first; child != last; ++child) {
      found.push_back(child->second);
      parents.push_back(child->second.id);
    }
  }
  return found;
}

std::int64_t out_of_memory_kills(const std::string& counters) {
  std::ifstream file(counters);
  std::string name;
  for (std::int64_t count = 0; file >> name >> count;)
    if (name == "oom_kill") return count;
  return 0;
}

}  // namespace trireme::launcher
