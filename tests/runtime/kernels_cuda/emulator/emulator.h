// Runs a kernel's threads on the calling thread, each as a fiber of its own that gives way at __syncthreads() and where
// it exchanges values with its warp. What the CUDA programming guide leaves undefined is an Error: a barrier that some
// threads of a block do not reach, an exchange that lanes of a warp have left, a partial mask.
// The order in which blocks and threads take their turns changes from launch to launch.
#pragma once

#include <cstdint>
#include <functional>

namespace trireme::test {

struct EmulatedGrid {
  std::int64_t blocks, blocks_y;
  int threads;
};
void emulate(const EmulatedGrid& grid, const std::function<void()>& kernel);

}  // namespace trireme::test
