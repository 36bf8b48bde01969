#include "parallel/pipeline/measured.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "parallel/pipeline/engine.h"
#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

// What describe() says of a computation: "BW 3", or "F 3.1" with the chunk.
Action action_of(const std::string& text) {
  std::istringstream words(text);
  std::string name;
  Action action;
  char point = 0;
  words >> name >> action.micro;
  const bool known = !words.fail();
  if (known && words.get(point) && point == '.') words >> action.chunk;
  for (const Work work : {Work::forward, Work::backward, Work::input_gradient, Work::weight_gradient}) {
    if (symbol(work) != name) continue;
    action.work = work;
    if (known) return action;
  }
  fail("timeline", "expected a computation of a pipeline, as in F 3.1, found", text);
}

}  // namespace

Timeline measured(std::span<const trireme::Span> spans, int rank) {
  double since = 0.0;
  for (const trireme::Span& span : spans)
    if (span.category == "step") since = std::max(since, span.begin_us);
  Timeline timeline;
  for (const trireme::Span& span : spans)
    if (span.category == pipeline_span && span.begin_us >= since)
      timeline.push_back({rank, action_of(span.name), 1e-6 * span.begin_us, 1e-6 * span.end_us});
  return timeline;
}

std::string as_text(const Timeline& timeline) {
  std::string text;
  for (const Span& span : timeline) {
    char line[160];
    std::snprintf(line, sizeof line, "%d %d %d %d %.9f %.9f\n", span.rank, static_cast<int>(span.action.work),
                  span.action.micro, span.action.chunk, span.begin, span.end);
    text += line;
  }
  return text;
}

Timeline timeline_from(const std::string& text) {
  std::istringstream lines(text);
  Timeline timeline;
  int work = 0;
  for (Span span; lines >> span.rank >> work >> span.action.micro >> span.action.chunk >> span.begin >> span.end;) {
    span.action.work = static_cast<Work>(work);
    timeline.push_back(span);
  }
  return timeline;
}

}  // namespace trireme::parallel
