// The spans of a timeline as ranges of NVTX, so that profilers show work under the names of steps and layers.
#pragma once

#include <memory>

#include "runtime/device/timeline.h"

namespace trireme::cuda {

// Passes spans on to the profiler that looks at this process, and to `times` too, which may be null. Where no profiler
// does, `times` itself. Ranges belong to the thread that opens them, and close in the order in which spans end.
std::unique_ptr<Timeline> with_profiler_ranges(Stream& compute, std::unique_ptr<Timeline> times);

}  // namespace trireme::cuda
