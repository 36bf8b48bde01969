#include "launcher/fleet/mpirun.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"

namespace trireme::launcher {
namespace {

constexpr const char* usual_path = "/usr/local/bin:/usr/bin:/bin";
constexpr int most_ranks = 65535;
constexpr int most_ranks_per_core = 32;  // on this machine; beyond it a mistyped number would bring the machine down

// Open MPI moves large messages by reading the other process's memory; where a container forbids the call it warns.
bool may_read_processes() {
  int from = 1, to = 0;
  const iovec local{&to, sizeof to}, remote{&from, sizeof from};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(sizeof to);
}

// Files that this process may open, its limit raised where it may be.
std::int64_t most_files() {
  constexpr rlim_t plenty = 65536;  // mpirun closes them one by one
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return plenty;
  const rlimit raised{std::max(limit.rlim_cur, std::min(limit.rlim_max, plenty)), limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::int64_t>(std::min(limit.rlim_cur, plenty));
}

}  // namespace

std::string find_program(const std::string& name, const Environment& environment) {
  const char* path = environment("PATH");
  const std::string folders = path ? path : usual_path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string candidate = folders.substr(begin, end - begin) + '/' + name;
    struct stat status {};
    if (stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(candidate.c_str(), X_OK) == 0)
      return candidate;
    begin = end + 1;
  }
  return {};
}

namespace {

int total_slots(const std::vector<HostSlots>& hosts) {
  return std::accumulate(hosts.begin(), hosts.end(), 0,
                         [](int sum, const HostSlots& host) { return sum + host.slots; });
}

// mpirun has pipes and sockets for each rank here, and waits for ever where it cannot have them.
void check_files(int ranks, const Machine& machine) {
  const int needed = 64 + 4 * ranks;
  require(machine.files >= needed, "-n", "expected a limit of at least", needed, "open files for mpirun and", ranks,
          "ranks, found", std::to_string(machine.files) + "; raise it with ulimit -n");
}

void check_ranks(int ranks, bool here, const Machine& machine) {
  require(ranks >= 1 && ranks <= most_ranks, "-n", "expected 1 to", most_ranks, "ranks, found", ranks);
  require(!here || ranks <= most_ranks_per_core * machine.cores, "-n", "expected at most", most_ranks_per_core,
          "ranks for each of the", machine.cores, "cores of this machine, found", ranks,
          "ranks; name more machines with --hosts or --hostfile");
}

bool is_domain_name(const std::string& host) {
  return host.find('.') != std::string::npos && host.find_first_not_of("0123456789.") != std::string::npos;
}

// Collects flags and the reasons for them.
class Flags {
 public:
  explicit Flags(Launch& launch) : launch_(launch) {}

  void add(const std::vector<std::string>& words, const std::string& reason) {
    std::string shown;
    for (const std::string& word : words) {
      launch_.command.push_back(word);
      shown += (shown.empty() ? "" : " ") + (word.find(' ') == std::string::npos ? word : '"' + word + '"');
    }
    launch_.explanation += (launch_.explanation.empty() ? "" : ", ") + shown + " (" + reason + ')';
  }

 private:
  Launch& launch_;
};

void add_here(Flags& flags, Launch& launch, int ranks, const Machine& machine) {
  // In any case: what Open MPI counts as a slot is a physical core, and may be fewer than the cores here.
  const auto counted = [](int count, const char* noun) {
    return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
  };
  flags.add({"--oversubscribe"}, counted(ranks, "rank") + " on " + counted(machine.cores, "core"));
  if (ranks > machine.cores) launch.variables.emplace_back("OMP_WAIT_POLICY", "passive");
}

void add_hosts(Flags& flags, const FleetOptions& options, const Environment& environment, const Machine& machine) {
  if (!options.hosts.empty()) {
    flags.add({"--host", options.hosts}, "--hosts");
    for (const HostSlots& host : parse_hosts(options.hosts))
      if (is_domain_name(host.name)) {
        flags.add({"--mca", "orte_keep_fqdn_hostnames", "1"}, "names with a domain");
        break;
      }
  } else {
    InputFile("--hostfile", options.hostfile);
    flags.add({"--hostfile", options.hostfile}, "--hostfile");
  }
  flags.add({"--mca", "oob_tcp_keepalive_time", "2", "--mca", "oob_tcp_keepalive_intvl", "1", "--mca",
             "oob_tcp_keepalive_probes", "3"},
            "a cut link is noticed in 6 s");
  const bool other_agent = environment("OMPI_MCA_plm_rsh_agent") || environment("SLURM_JOB_ID");
  require(machine.has_ssh || other_agent, "--hosts",
          "expected ssh to reach other hosts, found none in PATH; install openssh-client");
  if (!other_agent && !environment("OMPI_MCA_plm_rsh_args"))
    flags.add({"--mca", "plm_rsh_args",
               "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=2 -o ServerAliveCountMax=3"},
              "ssh must not ask or hang");
}

}  // namespace

std::vector<HostSlots> parse_hosts(const std::string& hosts) {
  std::vector<HostSlots> list;
  for (std::size_t begin = 0; begin <= hosts.size();) {
    const std::size_t end = std::min(hosts.find(',', begin), hosts.size());
    HostSlots host{.name = hosts.substr(begin, end - begin)};
    if (const std::size_t colon = host.name.rfind(':'); colon != std::string::npos) {
      const std::string count = host.name.substr(colon + 1);
      const auto [stop, error] = std::from_chars(count.data(), count.data() + count.size(), host.slots);
      require(
          error == std::errc{} && stop == count.data() + count.size() && host.slots >= 1 && host.slots <= most_ranks,
          "--hosts", "expected a number of ranks of at least 1 behind the colon, found", host.name);
      host.name.resize(colon);
    }
    require(!host.name.empty() && host.name.front() != '-' && host.name.find_first_of(" \t\n'\"") == std::string::npos,
            "--hosts", "expected names and numbers, as in a:8,b:8, found \"" + hosts + '"');
    list.push_back(std::move(host));
    begin = end + 1;
  }
  return list;
}

Machine this_machine(const Environment& environment) {
  return {.cores = usable_cores(),
          .root = geteuid() == 0,
          .reads_processes = may_read_processes(),
          .has_ssh = !find_program("ssh", environment).empty(),
          .files = most_files(),
          .mpirun = find_program("mpirun", environment)};
}

Launch plan_launch(const FleetOptions& options, const std::vector<std::string>& program, const Machine& machine,
                   const Environment& environment) {
  require(options.hosts.empty() || options.hostfile.empty(), "--hosts", "excludes --hostfile; give one of them");
  const bool named = !options.hosts.empty() || !options.hostfile.empty();
  const bool allocated = !named && environment("SLURM_JOB_ID");  // mpirun asks Slurm which hosts it may use
  const bool here = !named && !allocated;
  int ranks = options.ranks;
  if (!options.hosts.empty()) {
    const int slots = total_slots(parse_hosts(options.hosts));
    if (ranks == 0) ranks = slots;
    require(ranks <= slots, "-n", "expected at most the", slots, "ranks that --hosts", options.hosts,
            "has room for, found", ranks, "; raise the number behind a host");
  }
  if (ranks != 0 || !named) check_ranks(ranks, here, machine);
  if (here) check_files(ranks, machine);
  require(!machine.mpirun.empty(), "-n",
          "expected mpirun, found none in PATH; install Open MPI (apt-get install "
          "openmpi-bin), or start the ranks as threads of one process with --ranks-as-threads");

  Launch launch;
  launch.here = here;
  if (!options.hosts.empty()) launch.hosts = options.hosts;
  if (!options.hostfile.empty()) launch.hosts = "the hosts of " + options.hostfile;
  launch.start_seconds = options.start_seconds;
  launch.saves = options.saves;
  launch.output = options.output;
  launch.command = {machine.mpirun};
  if (ranks > 0) launch.command.insert(launch.command.end(), {"-n", std::to_string(ranks)});
  Flags flags(launch);
  if (machine.root) flags.add({"--allow-run-as-root"}, "you are root");
  if (here)
    add_here(flags, launch, ranks, machine);
  else if (named)
    add_hosts(flags, options, environment, machine);
  flags.add({"--bind-to", "none"}, "a rank has several threads");
  flags.add({"--mca", "mpi_yield_when_idle", "1"}, "a waiting rank gives its core away");
  if (!machine.reads_processes)
    flags.add({"--mca", "btl_vader_single_copy_mechanism", "none"}, "this container forbids process_vm_readv");
  if (!options.mpirun_words.empty()) flags.add(options.mpirun_words, "--mpirun-flag");

  launch.variables.emplace_back(variables::supervised, "1");
  if (options.terminal_columns > 0)
    launch.variables.emplace_back(variables::terminal, std::to_string(options.terminal_columns));
  if (!environment("PATH")) launch.variables.emplace_back("PATH", usual_path);  // mpirun needs one to find its tools
  if (!here)
    for (const auto& [name, value] : launch.variables) launch.command.insert(launch.command.end(), {"-x", name});
  launch.command.insert(launch.command.end(), program.begin(), program.end());
  return launch;
}

}  // namespace trireme::launcher
