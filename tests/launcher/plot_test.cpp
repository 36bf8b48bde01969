#include "launcher/report/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stack>

namespace trireme::launcher {
namespace {

// Checks that tags nest, attributes are quoted and text holds no bare & or <. Returns the number of elements.
int expect_well_formed(const std::string& xml) {
  std::stack<std::string> open;
  int elements = 0;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      const std::size_t end = xml.find(';', at);
      EXPECT_TRUE(end != std::string::npos && end - at < 8) << xml.substr(at, 20);
    }
    if (xml[at] != '<') {
      ++at;
      continue;
    }
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) {
      ADD_FAILURE() << "a tag is not closed: " << xml.substr(at, 40);
      return elements;
    }
    const std::string tag = xml.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /", 1) - (tag[0] == '/' ? 1 : 0));
    EXPECT_EQ(std::count(tag.begin(), tag.end(), '"') % 2, 0) << tag;
    EXPECT_EQ(tag.find('<'), std::string::npos) << tag;
    if (tag[0] == '/') {
      EXPECT_TRUE(!open.empty() && open.top() == name) << tag;
      if (!open.empty()) open.pop();
    } else {
      ++elements;
      if (tag.back() != '/') open.push(name);
    }
    at = end + 1;
  }
  EXPECT_TRUE(open.empty());
  return elements;
}

Curves curves(int count) {
  Curves some;
  for (int step = 1; step <= count; ++step) {
    some.training.push_back({step, 5.0 / std::sqrt(step)});
    if (step % 10 == 0) some.validation.push_back({step, 5.1 / std::sqrt(step)});
  }
  return some;
}

TEST(Plot, DrawsBothCurves) {
  const std::string svg = draw_losses(curves(100), {.title = "a <b> & c"});
  EXPECT_GT(expect_well_formed(svg), 20);
  EXPECT_NE(svg.find("a &lt;b&gt; &amp; c"), std::string::npos);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = svg.find("<polyline", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 2u);
  EXPECT_NE(svg.find("training 0.5<"), std::string::npos);
  EXPECT_NE(svg.find("validation 0.51<"), std::string::npos);
}

TEST(Plot, StaysSmallAndInsideItsFrame) {
  const std::string svg = draw_losses(curves(200000));
  expect_well_formed(svg);
  EXPECT_LT(svg.size(), 60000u);
  const std::size_t begin = svg.find("points=\"") + 8;
  std::istringstream points(svg.substr(begin, svg.find('"', begin) - begin));
  double last = 0, x = 0, y = 0;
  for (char comma; points >> x >> comma >> y; last = x) {
    EXPECT_GE(x, last);
    EXPECT_GE(x, 64.0);
    EXPECT_LE(x, 736.0);
    EXPECT_GE(y, 52.0);
    EXPECT_LE(y, 384.0);
  }
  EXPECT_NEAR(last, 736.0, 0.1);
}

TEST(Plot, ATrendGoesThroughTheMiddleOfTheNoise) {
  Curves noisy;
  for (int step = 0; step <= 1000; ++step) noisy.training.push_back({step, 2.0 + (step % 2 ? 1.0 : -1.0)});
  const std::string svg = draw_losses(noisy);
  const std::size_t trend = svg.find("class=\"curve\"");
  ASSERT_NE(trend, std::string::npos);
  const std::size_t begin = svg.find("points=\"", trend) + 8;
  std::istringstream points(svg.substr(begin, svg.find('"', begin) - begin));
  double x = 0, y = 0, low = 1e9, high = 0;
  for (char comma; points >> x >> comma >> y;)
    if (x > 100 && x < 700) low = std::min(low, y), high = std::max(high, y);
  EXPECT_LT(high - low, 30.0) << "the noise itself spans 300";
}

TEST(Plot, SurvivesWhatIsNotAPlot) {
  expect_well_formed(draw_losses({}));
  Curves one;
  one.training = {{1, 2.0}};
  expect_well_formed(draw_losses(one));
  Curves broken;
  broken.training = {{1, std::nan("")}, {2, 3.0}, {3, std::numeric_limits<double>::infinity()}, {4, 3.0}};
  const std::string svg = draw_losses(broken);
  expect_well_formed(svg);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(RoundTicks, AreRound) {
  EXPECT_EQ(round_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(round_ticks(0, 1000, 4), (std::vector<double>{0, 500, 1000}));
  EXPECT_EQ(round_ticks(1.32, 2.08, 8).size(), 7u);
  EXPECT_TRUE(round_ticks(1, 1, 5).empty());
}

}  // namespace
}  // namespace trireme::launcher
