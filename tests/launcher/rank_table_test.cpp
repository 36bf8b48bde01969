#include "launcher/fleet/rank_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace trireme::launcher {
namespace {

TEST(RankTable, JoinsNeighboursThatAreAlike) {
  const std::vector<RankRow> rows = {{0, "a", "cpu, 4 threads"},
                                     {1, "a", "cpu, 4 threads"},
                                     {2, "long-name", "cpu, 4 threads"},
                                     {3, "long-name", "cpu, 1 thread"},
                                     {5, "long-name", "cpu, 1 thread"}};
  EXPECT_EQ(rank_table(rows),
            "rank  host       device\n"
            "0-1   a          cpu, 4 threads\n"
            "2     long-name  cpu, 4 threads\n"
            "3     long-name  cpu, 1 thread\n"
            "5     long-name  cpu, 1 thread\n");
}

TEST(RankTable, OneRank) {
  const std::vector<RankRow> rows = {{0, "vm", "cpu, 1 thread"}};
  EXPECT_EQ(rank_table(rows), "rank  host  device\n0     vm    cpu, 1 thread\n");
}

}  // namespace
}  // namespace trireme::launcher
