// Which rank a process is, going by environments that launchers leave.
#include "launcher/fleet/place.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "launcher/fleet/cache_folder.h"
#include "launcher/fleet/fleet.h"
#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

using Table = std::map<std::string, std::string>;

Environment environment(Table table) {
  return [table = std::move(table)](const char* name) -> const char* {
    const auto found = table.find(name);
    return found == table.end() ? nullptr : found->second.c_str();
  };
}

TEST(CacheFolder, IsWhereTheEnvironmentSays) {
  EXPECT_EQ(cache_folder(environment({{"XDG_CACHE_HOME", "/fast"}, {"HOME", "/home/me"}})), "/fast/trireme");
  EXPECT_EQ(cache_folder(environment({{"HOME", "/home/me"}})), "/home/me/.cache/trireme");
  EXPECT_EQ(cache_folder(environment({{"XDG_CACHE_HOME", "here"}, {"HOME", "/home/me"}})), "/home/me/.cache/trireme");
  EXPECT_EQ(cache_folder(environment({{"XDG_CACHE_HOME", ""}})), "");
}

TEST(Place, NobodyStartedIt) {
  const Place place = launched_by(environment({{"PATH", "/bin"}}));
  EXPECT_FALSE(place.is_rank());
  EXPECT_EQ(place.size, 1);
}

TEST(Place, Mpirun) {
  const Place place =
      launched_by(environment({{"OMPI_COMM_WORLD_RANK", "5"}, {"OMPI_COMM_WORLD_SIZE", "8"}, {"SLURM_PROCID", "0"}}));
  EXPECT_EQ(place.by, Place::By::mpirun);
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.size, 8);
}

TEST(Place, SrunWithPmix) {
  const Place place = launched_by(environment(
      {{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_TASKS_PER_NODE", "2(x2)"}, {"PMIX_RANK", "2"}}));
  EXPECT_EQ(place.by, Place::By::srun);
  EXPECT_EQ(place.rank, 2);
  EXPECT_EQ(place.size, 4);
}

TEST(Place, ABatchScriptIsNoRank) {
  EXPECT_FALSE(
      launched_by(environment({{"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}})).is_rank());
}

std::string refusal(const Table& table) {
  return test::message_of<Error>([&] { launched_by(environment(table)); });
}

TEST(Place, RanksThatCouldNotFindEachOtherAreRefused) {
  EXPECT_EQ(refusal({{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}}),
            "[ranks] expected srun to connect its 4 tasks; start them with srun --mpi=pmix");
  EXPECT_NE(refusal({{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}}).find("another MPI's launcher"), std::string::npos);
}

TEST(Place, DamagedEnvironmentsAreRefused) {
  EXPECT_NE(
      refusal({{"OMPI_COMM_WORLD_RANK", "x"}, {"OMPI_COMM_WORLD_SIZE", "4"}}).find("OMPI_COMM_WORLD_RANK found x"),
      std::string::npos);
  EXPECT_NE(refusal({{"OMPI_COMM_WORLD_RANK", "4"}, {"OMPI_COMM_WORLD_SIZE", "4"}}).find("rank 4 of 4"),
            std::string::npos);
}

TEST(NeedsFleet, MoreThanOneRankOrOtherHosts) {
  FleetOptions options;
  EXPECT_FALSE(needs_fleet(options, {}));
  options.ranks = 1;
  EXPECT_FALSE(needs_fleet(options, {}));
  options.ranks = 2;
  EXPECT_TRUE(needs_fleet(options, {}));
  options.ranks = 1;
  options.hosts = "a";
  EXPECT_TRUE(needs_fleet(options, {}));
  options = {};
  options.max_restarts = 1;
  EXPECT_TRUE(needs_fleet(options, {}));
}

TEST(NeedsFleet, ARankAgreesWithItsLauncher) {
  const Place rank{.by = Place::By::mpirun, .rank = 1, .size = 4};
  FleetOptions options;
  EXPECT_FALSE(needs_fleet(options, rank));
  options.ranks = 4;
  EXPECT_FALSE(needs_fleet(options, rank));
  options.ranks = 3;
  EXPECT_EQ(test::message_of<Error>([&] { needs_fleet(options, rank); }),
            "[-n] expected 4 ranks, the number that mpirun has started, found 3 ; leave it out here, or start trireme "
            "without a "
            "launcher");
  options = {};
  options.max_restarts = 1;
  EXPECT_EQ(test::message_of<Error>([&] { needs_fleet(options, rank); }),
            "[--max-restarts] expected trireme to start the ranks itself; here mpirun has started them");
}

}  // namespace
}  // namespace trireme::launcher
