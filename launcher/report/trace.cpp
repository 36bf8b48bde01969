#include "launcher/report/trace.h"

#include <charconv>
#include <map>

#include "launcher/report/json_line.h"
#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

std::int64_t step_number(const std::string& text, std::string_view whole) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1)
    fail("--trace", "expected steps=FIRST:LAST, counted from 1, as in steps=10:12; found", std::string(whole));
  return number;
}

std::string named(const char* what, int rank, int lane, const std::string& name) {
  return JsonLine()
      .add("ph", "M")
      .add("name", what)
      .add("pid", rank)
      .add("tid", lane)
      .add_json("args", JsonLine().add("name", name).text())
      .text();
}

}  // namespace

TraceSteps parse_trace_steps(const std::string& text) {
  constexpr std::string_view key = "steps=";
  if (!text.starts_with(key)) step_number("", text);
  const std::string range = text.substr(key.size());
  const std::size_t colon = range.find(':');
  const std::int64_t first = step_number(range.substr(0, colon), text);
  const std::int64_t last = colon == std::string::npos ? first : step_number(range.substr(colon + 1), text);
  if (last < first) step_number("", text);
  return {first, last};
}

std::string trace_events(const std::vector<Span>& spans, int rank, const std::string& host) {
  std::string events = named("process_name", rank, 0, "rank " + std::to_string(rank) + " on " + host);
  std::map<std::string, int> lanes;
  for (const Span& span : spans) {
    const auto [lane, fresh] = lanes.emplace(span.lane, static_cast<int>(lanes.size()) + 1);
    if (fresh) events += ",\n" + named("thread_name", rank, lane->second, span.lane);
    events += ",\n" + JsonLine()
                          .add("ph", "X")
                          .add("name", span.name)
                          .add("cat", span.category)
                          .add("pid", rank)
                          .add("tid", lane->second)
                          .add("ts", span.begin_us)
                          .add("dur", span.end_us - span.begin_us)
                          .text();
  }
  return events;
}

std::string trace_file(const std::vector<std::string>& events_by_rank) {
  std::string text = R"({"displayTimeUnit":"ms","traceEvents":[)";
  for (std::size_t rank = 0; rank < events_by_rank.size(); ++rank)
    text += (rank > 0 ? ",\n" : "\n") + events_by_rank[rank];
  return text + "\n]}\n";
}

}  // namespace trireme::launcher
