// Runs a kernel's threads on the calling thread, each as a fiber of its own that gives way at __syncthreads() and where
// it exchanges values with its warp. What the CUDA programming guide leaves undefined is an Error: a barrier that some
// threads of a block do not reach, an exchange that lanes of a warp have left, a partial mask.
// The order in which blocks and threads take their turns changes from launch to launch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace trireme::test {

struct EmulatedGrid {
  std::int64_t blocks, blocks_y;
  int threads;
};
void emulate(const EmulatedGrid& grid, const std::function<void()>& kernel);

// What a stream is given to do: done at once, or while work is recorded, put behind what was recorded before.
void enqueue(std::function<void()> work);
// Null: work is done again.
void record_work(std::vector<std::function<void()>>* recorded);

}  // namespace trireme::test
