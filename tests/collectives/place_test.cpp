// Which rank a process is, going by environments that launchers leave.
#include "collectives/rendezvous/place.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/base/error.h"
#include "tests/support/environment.h"
#include "tests/support/scratch_folder.h"

namespace trireme::test {
namespace {

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
  return message_of<Error>([&] { launched_by(environment(table)); });
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

}  // namespace
}  // namespace trireme::test
