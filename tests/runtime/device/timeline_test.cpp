#include "runtime/device/timeline.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "runtime/device/cpu/cpu_device.h"

namespace trireme {
namespace {

void work() {
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
}

TEST(Timeline, SpansNestOnTheirStreamsAndMeasureTheWork) {
  const auto device = make_cpu_device();
  { const TimeRange nowhere(*device, "without a timeline nothing is kept"); }
  const auto timeline = device->make_timeline();
  device->set_timeline(timeline.get());
  {
    const TimeRange outer(*device, "outer");
    EXPECT_EQ(timeline->open(), "outer");
    {
      const TimeRange sent(*device, device->communication(), "sent", "communication");
      device->communication().run(work);
    }
    const TimeRange inner(*device, device->compute(), "inner", "backward");
    EXPECT_EQ(timeline->open(), "inner");
    device->compute().run(work);
  }
  EXPECT_EQ(timeline->open(), "");
  device->set_timeline(nullptr);
  const std::vector<Span> spans = timeline->take();
  ASSERT_EQ(spans.size(), 3U);
  const auto find = [&](const std::string& name) {
    for (const Span& span : spans)
      if (span.name == name) return span;
    ADD_FAILURE() << name;
    return Span{};
  };
  const Span outer = find("outer"), inner = find("inner"), sent = find("sent");
  EXPECT_EQ(spans.front().name, "outer");
  EXPECT_LE(outer.begin_us, inner.begin_us);
  EXPECT_GE(outer.end_us, inner.end_us);
  for (const Span& span : {inner, sent}) EXPECT_GE(span.end_us - span.begin_us, 2500.0) << span.name;
  EXPECT_EQ(outer.category, "forward");
  EXPECT_EQ(inner.category, "backward");
  EXPECT_EQ(inner.lane, "compute");
  EXPECT_EQ(sent.lane, "communication");
  EXPECT_TRUE(timeline->take().empty());
}

}  // namespace
}  // namespace trireme
