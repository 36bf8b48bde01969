// The mpirun command for a fleet, on machines of all kinds.
#include "launcher/fleet/mpirun.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

const Environment nothing = [](const char*) -> const char* { return nullptr; };
const Machine plain{.cores = 4, .root = false, .reads_processes = true, .has_ssh = true, .mpirun = "/usr/bin/mpirun"};
const std::vector<std::string> program = {"/bin/trireme", "train", "job"};

FleetOptions ranks(int count) {
  FleetOptions options;
  options.ranks = count;
  return options;
}

bool has(const Launch& launch, const std::vector<std::string>& words) {
  return std::search(launch.command.begin(), launch.command.end(), words.begin(), words.end()) != launch.command.end();
}

std::string refusal(const FleetOptions& options, const Machine& machine = plain) {
  return test::message_of<Error>([&] { plan_launch(options, program, machine, nothing); });
}

TEST(PlanLaunch, RunsTheProgramOnRanksHere) {
  const Launch launch = plan_launch(ranks(2), program, plain, nothing);
  EXPECT_TRUE(launch.here);
  EXPECT_EQ(launch.command[0], "/usr/bin/mpirun");
  EXPECT_TRUE(has(launch, {"-n", "2"}));
  EXPECT_TRUE(has(launch, {"--mca", "mpi_yield_when_idle", "1"}));
  EXPECT_FALSE(has(launch, {"--allow-run-as-root"}));
  EXPECT_EQ(std::vector<std::string>(launch.command.end() - 3, launch.command.end()), program);
  EXPECT_NE(launch.explanation.find("--oversubscribe (2 ranks on 4 cores)"), std::string::npos) << launch.explanation;
}

TEST(PlanLaunch, GivesMpirunAPathWhereThereIsNone) {
  const auto path_in = [](const Environment& environment) {
    for (const auto& [name, value] : plan_launch(ranks(2), program, plain, environment).variables)
      if (name == "PATH") return value;
    return std::string();
  };
  EXPECT_EQ(path_in(nothing), "/usr/local/bin:/usr/bin:/bin");
  EXPECT_EQ(path_in([](const char*) { return "/bin"; }), "");
}

TEST(PlanLaunch, SaysWhichFlagsAMachineNeeds) {
  Machine container = plain;
  container.root = true;
  container.reads_processes = false;
  container.cores = 1;
  const Launch launch = plan_launch(ranks(2), program, container, nothing);
  EXPECT_TRUE(has(launch, {"--allow-run-as-root"}));
  EXPECT_TRUE(has(launch, {"--mca", "btl_vader_single_copy_mechanism", "none"}));
  EXPECT_NE(launch.explanation.find("--allow-run-as-root (you are root)"), std::string::npos);
  EXPECT_NE(launch.explanation.find("(this container forbids process_vm_readv)"), std::string::npos);
  EXPECT_NE(std::find(launch.variables.begin(), launch.variables.end(),
                      std::pair<std::string, std::string>("OMP_WAIT_POLICY", "passive")),
            launch.variables.end());
}

TEST(PlanLaunch, GoesToOtherHosts) {
  FleetOptions options;
  options.hosts = "a:2,b.example.org:3";
  options.terminal_columns = 90;
  const Launch launch = plan_launch(options, program, plain, nothing);
  EXPECT_FALSE(launch.here);
  EXPECT_TRUE(has(launch, {"-n", "5"}));
  EXPECT_TRUE(has(launch, {"--host", "a:2,b.example.org:3"}));
  EXPECT_TRUE(has(launch, {"--mca", "orte_keep_fqdn_hostnames", "1"}));
  EXPECT_TRUE(has(launch, {"--mca", "oob_tcp_keepalive_time", "2"}));
  EXPECT_TRUE(has(launch, {"--mca", "plm_rsh_args",
                           "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=2 -o ServerAliveCountMax=3"}));
  EXPECT_TRUE(has(launch, {"-x", "TRIREME_TERMINAL"}));
  EXPECT_TRUE(has(launch, {"-x", "TRIREME_SUPERVISED"}));
  EXPECT_FALSE(has(launch, {"--oversubscribe"}));
}

TEST(PlanLaunch, LeavesAUsersOwnSshSettings) {
  FleetOptions options;
  options.hosts = "a:2";
  const Environment kubernetes = [](const char* name) {
    return std::string(name) == "OMPI_MCA_plm_rsh_args" ? "-p 2222" : nullptr;
  };
  EXPECT_FALSE(has(plan_launch(options, program, plain, kubernetes), {"--mca", "plm_rsh_args"}));
}

TEST(PlanLaunch, LeavesTheHostsOfAnAllocationToSlurm) {
  const Environment slurm = [](const char* name) { return std::string(name) == "SLURM_JOB_ID" ? "7" : nullptr; };
  const Launch launch = plan_launch(ranks(400), program, plain, slurm);
  EXPECT_FALSE(launch.here);
  EXPECT_TRUE(has(launch, {"-n", "400"}));
  EXPECT_TRUE(has(launch, {"-x", "TRIREME_SUPERVISED"}));
  EXPECT_FALSE(has(launch, {"--oversubscribe"}));
  EXPECT_FALSE(has(launch, {"--host"}));
}

TEST(PlanLaunch, TakesAHostfile) {
  const test::ScratchFolder folder;
  FleetOptions options = ranks(3);
  options.hostfile = folder.write("hosts", "a slots=3\n");
  EXPECT_TRUE(has(plan_launch(options, program, plain, nothing), {"--hostfile", options.hostfile}));
  options.hostfile = folder / "absent";
  EXPECT_NE(refusal(options).find("cannot be opened: No such file or directory"), std::string::npos);
}

TEST(PlanLaunch, RefusesWhatCannotWork) {
  EXPECT_EQ(refusal(ranks(0)), "[-n] expected 1 to 65535 ranks, found 0");
  EXPECT_EQ(refusal(ranks(-2)), "[-n] expected 1 to 65535 ranks, found -2");
  EXPECT_EQ(refusal(ranks(129)),
            "[-n] expected at most 32 ranks for each of the 4 cores of this machine, found 129 ranks; name more "
            "machines with "
            "--hosts or --hostfile");
  Machine bare = plain;
  bare.mpirun.clear();
  EXPECT_EQ(
      refusal(ranks(2), bare),
      "[-n] expected mpirun, found none in PATH; install Open MPI (apt-get install openmpi-bin), or start the ranks as "
      "threads of one process with --ranks-as-threads");
  FleetOptions few = ranks(6);
  few.hosts = "a:2,b:3";
  EXPECT_EQ(
      refusal(few),
      "[-n] expected at most the 5 ranks that --hosts a:2,b:3 has room for, found 6 ; raise the number behind a host");
  bare = plain;
  bare.files = 80;
  EXPECT_EQ(
      refusal(ranks(8), bare),
      "[-n] expected a limit of at least 96 open files for mpirun and 8 ranks, found 80; raise it with ulimit -n");
  bare = plain;
  bare.has_ssh = false;
  few.ranks = 5;
  EXPECT_NE(refusal(few, bare).find("install openssh-client"), std::string::npos);
  few.hostfile = "f";
  EXPECT_NE(refusal(few).find("excludes --hostfile"), std::string::npos);
}

TEST(ParseHosts, NamesAndSlots) {
  const std::vector<HostSlots> hosts = parse_hosts("a,b:8,10.0.0.7:2");
  ASSERT_EQ(hosts.size(), 3u);
  EXPECT_EQ(hosts[0].name, "a");
  EXPECT_EQ(hosts[0].slots, 1);
  EXPECT_EQ(hosts[1].slots, 8);
  EXPECT_EQ(hosts[2].name, "10.0.0.7");
  for (const char* wrong : {"", "a,,b", "a:0", "a:-1", "a:x", ":4", "a:99999999999", "-a:2", "a b:2"})
    EXPECT_THROW(parse_hosts(wrong), Error) << wrong;
}

TEST(FindProgram, LooksThroughThePath) {
  const test::ScratchFolder folder;
  const std::string path = "/nowhere:" + folder.path();
  const Environment environment = [&](const char*) { return path.c_str(); };
  const std::string file = folder.write("tool", "#!/bin/sh\n");
  EXPECT_EQ(find_program("tool", environment), "");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  EXPECT_EQ(find_program("tool", environment), file);
}

}  // namespace
}  // namespace trireme::launcher
