#include "launcher/fleet/fleet.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "launcher/fleet/supervise.h"
#include "launcher/trainer/entry.h"
#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

void say(const std::string& words) {
  std::fprintf(stderr, "trireme: %s\n", words.c_str());
}

bool worth_another_try(const Outcome& outcome) {
  constexpr int usage_error = 2;
  return outcome.exit_code != 0 && !outcome.stopped && outcome.exit_code != stopped_early &&
         outcome.exit_code != usage_error;
}

}  // namespace

bool needs_fleet(const FleetOptions& options, const Place& place) {
  if (!place.is_rank()) return options.ranks > 1 || !options.hosts.empty() || !options.hostfile.empty();
  const bool agrees = options.ranks == 0 || options.ranks == place.size;
  require(agrees && options.hosts.empty() && options.hostfile.empty(), "-n", "expected", place.size,
          "ranks, the number that", place.by == Place::By::srun ? "srun" : "mpirun", "has started, found",
          agrees ? "--hosts or --hostfile" : std::to_string(options.ranks),
          "; leave it out here, or start trireme without a launcher");
  return false;
}

int run_fleet(const FleetOptions& options, const std::vector<std::string>& program) {
  std::vector<std::string> words = program;
  const Machine machine = this_machine();
  for (int restarts = 0;; ++restarts) {
    const Launch launch = plan_launch(options, words, machine);
    if (restarts == 0) say("ranks start through mpirun with " + launch.explanation);
    const Outcome outcome = supervise(launch);
    if (!outcome.message.empty()) say(outcome.message);
    if (restarts >= options.max_restarts || !worth_another_try(outcome)) return outcome.exit_code;
    say("restart " + std::to_string(restarts + 1) + " of " + std::to_string(options.max_restarts) +
        ", from the newest checkpoint");
    if (std::find(words.begin(), words.end(), "--resume") == words.end()) words.push_back("--resume");
  }
}

std::string own_path() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

}  // namespace trireme::launcher
