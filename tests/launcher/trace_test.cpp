#include "launcher/report/trace.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

TEST(Trace, StepsAreARangeOrOne) {
  EXPECT_EQ(parse_trace_steps("steps=10:12").first, 10);
  EXPECT_EQ(parse_trace_steps("steps=10:12").last, 12);
  EXPECT_EQ(parse_trace_steps("steps=7").last, 7);
  const TraceSteps steps{3, 4};
  EXPECT_FALSE(steps.contains(2));
  EXPECT_TRUE(steps.contains(3));
  EXPECT_TRUE(steps.contains(4));
  EXPECT_FALSE(steps.contains(5));
  EXPECT_FALSE(TraceSteps{}.contains(1)) << "nothing is traced unless asked for";
  for (const char* bad : {"", "10:12", "steps=", "steps=0", "steps=5:4", "steps=a", "steps=1:", "steps=1:2:3",
                          "steps=-1", "steps=99999999999999999999"}) {
    try {
      parse_trace_steps(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("steps=FIRST:LAST"), std::string::npos) << error.what();
    }
  }
}

TEST(Trace, TheFileHoldsEverySpanOfEveryRankInItsLane) {
  const std::vector<Span> first{{"blocks.0", "forward", "compute", 100.0, 150.0},
                                {"a \"quoted\"\nname", "communication", "communication", 120.0, 130.5}};
  const std::vector<Span> second{{"step 1", "step", "compute", 90.0, 200.0}};
  const auto file =
      nlohmann::json::parse(trace_file({trace_events(first, 0, "alpha"), trace_events(second, 1, "beta")}));
  std::vector<nlohmann::json> spans, names;
  for (const auto& event : file["traceEvents"]) (event["ph"] == "X" ? spans : names).push_back(event);
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_EQ(spans[0]["name"], "blocks.0");
  EXPECT_EQ(spans[0]["cat"], "forward");
  EXPECT_EQ(spans[0]["ts"], 100.0);
  EXPECT_EQ(spans[0]["dur"], 50.0);
  EXPECT_EQ(spans[0]["pid"], 0);
  EXPECT_EQ(spans[1]["name"], "a \"quoted\"\nname");
  EXPECT_NE(spans[1]["tid"], spans[0]["tid"]);
  EXPECT_EQ(spans[2]["pid"], 1);
  ASSERT_EQ(names.size(), 5U);  // two ranks, two lanes and one
  EXPECT_EQ(names[0]["args"]["name"], "rank 0 on alpha");
  EXPECT_EQ(names[3]["args"]["name"], "rank 1 on beta");
}

}  // namespace
}  // namespace trireme::launcher
