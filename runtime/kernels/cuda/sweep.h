// Kernels that go over the elements of arrays of equal length: packs of elements where all the arrays are aligned
// alike, single elements before and after them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "runtime/kernels/cuda/pack.h"

namespace trireme::cuda {

inline constexpr int block_threads = 256;

// `head` single elements, then packs, then single elements up to `count`.
struct Sweep {
  std::int64_t count;
  std::int64_t head;
  std::int64_t packs;
};

// For packs of `width` elements of these arrays; no packs if their alignment differs.
inline Sweep sweep_of(std::int64_t count, std::int64_t width, std::initializer_list<Place> places) {
  std::int64_t head = -1;
  for (const Place& place : places) {
    if (!place.data) continue;
    const std::int64_t distance = unaligned(place, width);
    if (head >= 0 && head != distance) return {count, 0, 0};
    head = distance;
  }
  head = std::clamp<std::int64_t>(head, 0, count);
  return {count, head, (count - head) / width};
}

// Enough threads for `items`, but no more than what the GPU runs at once: kernels loop.
inline Grid grid_for(std::int64_t items, int multiprocessors, int blocks_per_multiprocessor = 8) {
  const std::int64_t wanted = (items + block_threads - 1) / block_threads;
  return {std::clamp<std::int64_t>(wanted, 1, std::int64_t{multiprocessors} * blocks_per_multiprocessor),
          block_threads};
}
inline Grid grid_for(const Sweep& sweep, std::int64_t width, int multiprocessors) {
  return grid_for(std::max(sweep.packs, sweep.count - sweep.packs * width), multiprocessors);
}

template <int n>
struct Width {};

__device__ inline std::int64_t thread_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t thread_count() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

// body(Width<width>{}, first element) for every pack, body(Width<1>{}, element) for the others.
template <int width, class Body>
__device__ void sweep(const Sweep& s, Body&& body) {
  const std::int64_t first = thread_index(), stride = thread_count();
  for (std::int64_t i = first; i < s.packs; i += stride) body(Width<width>{}, s.head + i * width);
  const std::int64_t packed = s.packs * width, single = s.count - packed;
  for (std::int64_t i = first; i < single; i += stride) body(Width<1>{}, i < s.head ? i : i + packed);
}

}  // namespace trireme::cuda
