// Threads that share a row, and what they find out together. Every thread of a team gets the same result, and the same
// bits in every run: values are combined in an order that depends on nothing but the threads' numbers.
#pragma once

#include <cstdint>

#include "machine.h"

namespace trireme::cuda {

inline constexpr int warp_threads = 32;
inline constexpr unsigned whole_warp = 0xffffffffu;

// Two sums at once.
struct Sums {
  float first, second;
};
// The largest of some numbers x and the sum of e^(x - largest).
struct Peak {
  float largest, total;
};
// A number and where it stands.
struct Found {
  float value;
  std::int32_t index;
};

// The value of the lane whose number differs in the bits of `step`.
__device__ inline float from_lane(float value, int step) {
  return __shfl_xor_sync(whole_warp, value, step);
}
__device__ inline double from_lane(double value, int step) {
  return __shfl_xor_sync(whole_warp, value, step);
}
__device__ inline Sums from_lane(Sums value, int step) {
  return {from_lane(value.first, step), from_lane(value.second, step)};
}
__device__ inline Peak from_lane(Peak value, int step) {
  return {from_lane(value.largest, step), from_lane(value.total, step)};
}
__device__ inline Found from_lane(Found value, int step) {
  return {from_lane(value.value, step), __shfl_xor_sync(whole_warp, value.index, step)};
}

// Ways to combine; each gives the same bits for (a, b) and (b, a).
struct Add {
  template <class V>
  __device__ V operator()(V a, V b) const {
    return a + b;
  }
  __device__ Sums operator()(Sums a, Sums b) const { return {a.first + b.first, a.second + b.second}; }
};
struct Merge {
  __device__ Peak operator()(Peak a, Peak b) const {
    if (a.largest < b.largest) {
      const Peak smaller = a;
      a = b, b = smaller;
    }
    if (a.largest == b.largest) return {a.largest, a.total + b.total};  // also where both are infinite
    return {a.largest, a.total + b.total * expf(b.largest - a.largest)};
  }
};
// The larger value; of equal ones that which comes first.
struct First {
  __device__ Found operator()(Found a, Found b) const {
    return a.value > b.value || (a.value == b.value && a.index < b.index) ? a : b;
  }
};

template <class V, class Combine>
__device__ V over_warp(V value, Combine combine, int lanes = warp_threads) {
  for (int step = lanes / 2; step > 0; step /= 2) value = combine(value, from_lane(value, step));
  return value;
}

// Over a block of so many warps, a power of two up to 32. Called by every thread of the block.
template <int warps, class V, class Combine>
__device__ V over_block(V value, Combine combine) {
  __shared__ V of_warp[warps];
  const int lane = threadIdx.x % warp_threads, warp = threadIdx.x / warp_threads;
  value = over_warp(value, combine);
  if (lane == 0) of_warp[warp] = value;
  __syncthreads();
  value = over_warp(of_warp[lane % warps], combine, warps);
  __syncthreads();  // before of_warp is written again
  return value;
}

// `warps` warps to a row. A team of one warp shares its block with others.
template <int warps>
struct Team {
  static constexpr int size = warps * warp_threads;
  static constexpr int in_block = warps == 1 ? 8 : 1;
  static constexpr int threads = size * in_block;

  __device__ static int rank() { return static_cast<int>(threadIdx.x) % size; }
  // The rows of a team: first_row(), first_row() + row_stride(), ...
  __device__ static std::int64_t first_row() {
    return static_cast<std::int64_t>(blockIdx.x) * in_block + threadIdx.x / size;
  }
  __device__ static std::int64_t row_stride() { return static_cast<std::int64_t>(gridDim.x) * in_block; }

  template <class V, class Combine>
  __device__ static V over(V value, Combine combine) {
    if constexpr (warps == 1)
      return over_warp(value, combine);
    else
      return over_block<warps>(value, combine);
  }

  static Grid grid(std::int64_t rows, int multiprocessors, int blocks_per_multiprocessor = 16) {
    const std::int64_t most = std::int64_t{multiprocessors} * blocks_per_multiprocessor;
    const std::int64_t wanted = (rows + in_block - 1) / in_block;
    return {wanted < most ? wanted : most, threads};
  }
};

}  // namespace trireme::cuda
