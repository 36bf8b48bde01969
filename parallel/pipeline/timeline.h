// What a pipeline did, or would do, over time: measured, or simulated; as numbers and as drawings.
#pragma once

#include <string>
#include <vector>

#include "parallel/pipeline/schedule.h"

namespace trireme::parallel {

// One action of one rank, in any unit of time.
struct Span {
  int rank = 0;
  Action action;
  double begin = 0.0;
  double end = 0.0;
};
using Timeline = std::vector<Span>;

// Of the computations alone: transfers keep nobody busy.
struct Usage {
  double begin = 0.0, end = 0.0;  // of the first and the last computation
  std::vector<double> busy;       // by rank
  std::vector<double> idle;       // by rank: end - begin - busy
  double bubble = 0.0;            // the idle part of all ranks' time, 0 to 1
};
Usage usage_of(const Timeline& timeline);

struct DrawOptions {
  std::string title = {};
  int columns = 100;        // of text, for the time line
  std::string unit = "s";   // of time, in the drawing's axis
  double unit_scale = 1.0;  // what to multiply times with for that unit
};

// One line a rank: F, B and W of chunk 0, f, b and w of chunk 1, ... with the micro-batch's number where there is room
// ("BW" of a whole backward pass is drawn as B); points where the rank waits.
std::string draw_text(const Timeline& timeline, const DrawOptions& options = {});
std::string draw_svg(const Timeline& timeline, const DrawOptions& options = {});

}  // namespace trireme::parallel
