// In the place of profiler_ranges.cpp where NVTX's headers are missing: profilers see kernels without names of layers.
#include "runtime/device/cuda/profiler_ranges.h"

namespace trireme::cuda {

std::unique_ptr<Timeline> with_profiler_ranges(Stream&, std::unique_ptr<Timeline> times) {
  return times;
}

}  // namespace trireme::cuda
