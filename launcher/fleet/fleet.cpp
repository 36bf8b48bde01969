#include "launcher/fleet/fleet.h"

#include <cstdio>
#include <filesystem>

#include "launcher/fleet/supervise.h"
#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

void say(const std::string& words) {
  std::fprintf(stderr, "trireme: %s\n", words.c_str());
}

}  // namespace

bool needs_fleet(const FleetOptions& options, const Place& place) {
  if (!place.is_rank()) {
    const bool needed =
        options.ranks > 1 || !options.hosts.empty() || !options.hostfile.empty() || options.max_restarts > 0;
    require(
        needed || options.mpirun_words.empty(), "--mpirun-flag",
        "expected ranks that mpirun starts, with -n 2 or more or with --hosts, found one rank, which needs no mpirun");
    return needed;
  }
  const std::string starter = place.by == Place::By::srun ? "srun" : "mpirun";
  const auto only_where_it_starts_them = [&](bool given, std::string_view option) {
    require(!given, option, "expected trireme to start the ranks itself; here", starter, "has started them");
  };
  only_where_it_starts_them(options.max_restarts > 0, "--max-restarts");
  only_where_it_starts_them(!options.mpirun_words.empty(), "--mpirun-flag");
  const bool agrees = options.ranks == 0 || options.ranks == place.size;
  require(agrees && options.hosts.empty() && options.hostfile.empty(), "-n", "expected", place.size,
          "ranks, the number that", starter, "has started, found",
          agrees ? "--hosts or --hostfile" : std::to_string(options.ranks),
          "; leave it out here, or start trireme without a launcher");
  return false;
}

int run_fleet(const FleetOptions& options, const std::vector<std::string>& program) {
  const Launch launch = plan_launch(options, program, this_machine());
  say("ranks start through mpirun with " + launch.explanation);
  for (int restarts = 0;; ++restarts) {
    const Outcome outcome = supervise(launch);
    if (restarts >= options.max_restarts || outcome.lost.empty()) {
      if (!outcome.message.empty()) say(outcome.message);
      return outcome.exit_code;
    }
    say("restart " + std::to_string(restarts + 1) + " of " + std::to_string(options.max_restarts) + ", because " +
        outcome.lost);
  }
}

std::string own_path() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

}  // namespace trireme::launcher
