#include "launcher/commands/rank_options.h"

#include <utility>

#include "launcher/report/progress.h"
#include "runtime/base/error.h"

namespace trireme::launcher {

Run on_first_rank(Run run) {
  return [run = std::move(run)] { return launched_by().rank > 0 ? 0 : run(); };
}

void RankChoice::add_to(Command command, Restarts restarts) {
  command
      .add_option(
          "-n,--ranks",
          [this](int count) {
            ranks = count;
            ranks_given = true;
          },
          "Ranks to start, through mpirun where they are more than one")
      .type_name("RANKS");
  command.add_flag("--ranks-as-threads", as_threads, "Run all ranks as threads of this process");
  command.add_option("--hosts", hosts, "Hosts and how many ranks each has room for, as in a:8,b:8").type_name("HOSTS");
  command.add_option("--hostfile", hostfile, "The same in a file for mpirun").type_name("FILE");
  command.add_option("--mpirun-flag", mpirun_words, "A further word for mpirun; may be repeated")
      .type_name("WORD")
      .once_per_value();
  if (restarts == Restarts::offered)
    command
        .add_option("--max-restarts", max_restarts,
                    "When a rank or a host is lost, go on from the newest checkpoint, at most N times")
        .type_name("N");
}

FleetOptions RankChoice::fleet() const {
  constexpr int most_ranks = 65535;
  require(!ranks_given || (ranks >= 1 && ranks <= most_ranks), "-n", "expected 1 to", most_ranks, "ranks, found",
          ranks);
  require(max_restarts >= 0, "--max-restarts", "expected 0 or more, found", max_restarts);
  require(!as_threads || (hosts.empty() && hostfile.empty()), "--ranks-as-threads",
          "excludes --hosts and --hostfile: threads are on this host");
  require(!as_threads || mpirun_words.empty(), "--ranks-as-threads", "excludes --mpirun-flag: no mpirun starts them");
  require(!as_threads || max_restarts == 0, "--ranks-as-threads",
          "excludes --max-restarts: when one of the threads is lost, all are");
  return {.ranks = ranks,
          .hosts = hosts,
          .hostfile = hostfile,
          .mpirun_words = mpirun_words,
          .max_restarts = max_restarts,
          .terminal_columns = terminal_columns()};
}

}  // namespace trireme::launcher
