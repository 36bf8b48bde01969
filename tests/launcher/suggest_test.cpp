#include "launcher/config/suggest.h"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

const std::vector<std::string> names = {"steps",      "warmup_steps", "validation_fraction",
                                        "vocabulary", "optimizer",    "data"};

TEST(NearestName, FindsSlipsOfTheKeyboard) {
  EXPECT_EQ(nearest_name("stpes", names), "steps") << "neighbours swapped";
  EXPECT_EQ(nearest_name("stepss", names), "steps");
  EXPECT_EQ(nearest_name("warmupSteps", names), "warmup_steps");
  EXPECT_EQ(nearest_name("optimisers", names), "optimizer") << "long names may differ by more";
  EXPECT_EQ(nearest_name("vocab", names), "vocabulary") << "cut short";
}

TEST(NearestName, DoesNotGuessWildly) {
  EXPECT_EQ(nearest_name("learning_rate", names), "");
  EXPECT_EQ(nearest_name("dat", names), "") << "three letters are near to everything";
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'a'), names), "");
  EXPECT_EQ(nearest_name("steps", {}), "");
}

}  // namespace
}  // namespace trireme::launcher
