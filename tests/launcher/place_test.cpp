// Where the cache is, and when mpirun is needed.
#include <gtest/gtest.h>

#include <string>

#include "launcher/fleet/cache_folder.h"
#include "launcher/fleet/fleet.h"
#include "runtime/base/error.h"
#include "tests/support/environment.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

using test::environment;

TEST(CacheFolder, IsWhereTheEnvironmentSays) {
  EXPECT_EQ(cache_folder(environment({{"XDG_CACHE_HOME", "/fast"}, {"HOME", "/home/me"}})), "/fast/trireme");
  EXPECT_EQ(cache_folder(environment({{"HOME", "/home/me"}})), "/home/me/.cache/trireme");
  EXPECT_EQ(cache_folder(environment({{"XDG_CACHE_HOME", "here"}, {"HOME", "/home/me"}})), "/home/me/.cache/trireme");
  EXPECT_EQ(cache_folder(environment({{"XDG_CACHE_HOME", ""}})), "");
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
  options = {};
  options.mpirun_words = {"--bind-to"};
  EXPECT_NE(test::message_of<Error>([&] { needs_fleet(options, {}); }).find("[--mpirun-flag]"), std::string::npos);
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
