// The timeline of a GPU's streams: pairs of events, read when somebody takes the spans.
#pragma once

#include <memory>

#include "runtime/device/cuda/memory.h"
#include "runtime/device/timeline.h"

namespace trireme::cuda {

// While work is captured nothing is timed: its spans are open() but never taken.
std::unique_ptr<Timeline> make_cuda_timeline(std::shared_ptr<Memory> memory);

}  // namespace trireme::cuda
