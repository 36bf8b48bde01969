// A merge sort: tiles are sorted in shared memory, then runs are merged two by two. In a merge every key finds its
// place by itself: its place in its own run and the number of smaller keys in the other.
#include "runtime/kernels/cuda/sorted_rows.h"

#include "runtime/kernels/cuda/sweep.h"

namespace trireme::cuda {
namespace {

constexpr int tile = 2048;
constexpr int tile_threads = 1024;

__device__ void sort_pair(std::uint64_t& low, std::uint64_t& high, bool ascending) {
  if ((low > high) == ascending) {
    const std::uint64_t other = low;
    low = high, high = other;
  }
}

// Bitonic (Batcher 1968), one pair of keys to a thread.
__global__ void __launch_bounds__(tile_threads)
    sort_tiles_kernel(std::uint64_t* to, const std::int32_t* ids, std::int64_t rows) {
  __shared__ std::uint64_t keys[tile];
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * tile;
  for (int i = threadIdx.x; i < tile; i += tile_threads)
    keys[i] = begin + i < rows ? key_of(ids[begin + i], begin + i) : ~std::uint64_t{0};  // the largest: stays behind
  __syncthreads();
  for (int run = 2; run <= tile; run *= 2) {
    for (int distance = run / 2; distance > 0; distance /= 2) {
      const int pair = threadIdx.x;
      const int at = pair / distance * 2 * distance + pair % distance;
      sort_pair(keys[at], keys[at + distance], (at & run) == 0);
      __syncthreads();
    }
  }
  for (int i = threadIdx.x; i < tile; i += tile_threads)
    if (begin + i < rows) to[begin + i] = keys[i];
}

// Merges the runs of length `run` in pairs.
__global__ void __launch_bounds__(block_threads)
    merge_runs_kernel(std::uint64_t* to, const std::uint64_t* from, std::int64_t rows, std::int64_t run) {
  for (std::int64_t i = thread_index(); i < rows; i += thread_count()) {
    const std::uint64_t key = from[i];
    const std::int64_t first = i / (2 * run) * (2 * run);
    const std::int64_t middle = rows < first + run ? rows : first + run;
    const std::int64_t end = rows < first + 2 * run ? rows : first + 2 * run;
    const bool left = i < middle;
    const std::int64_t other = left ? middle : first, length = left ? end - middle : middle - first;
    // i - first keys of both runs, or of the left run alone, stand before it in its own.
    const std::int64_t own = left ? i - first : i - middle;
    to[first + own + keys_below(from + other, length, key)] = key;
  }
}

}  // namespace

Scratch sorted_rows(CudaDevice& device, const Tensor& ids) {
  const std::int64_t rows = ids.numel(), bytes = rows * static_cast<std::int64_t>(sizeof(std::uint64_t));
  const cudaStream_t stream = device.native_compute();
  Scratch sorted = device.scratch(bytes), spare = device.scratch(bytes);
  launch(stream, {(rows + tile - 1) / tile, tile_threads}, sort_tiles_kernel, sorted.as<std::uint64_t>(),
         ids.data<std::int32_t>(), rows);
  for (std::int64_t run = tile; run < rows; run *= 2) {
    launch(stream, grid_for(rows, device.properties().multiProcessorCount), merge_runs_kernel,
           spare.as<std::uint64_t>(), sorted.as<std::uint64_t>(), rows, run);
    std::swap(sorted, spare);
  }
  return sorted;
}

}  // namespace trireme::cuda
