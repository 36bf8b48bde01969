// The rows of a table's gradient in the order of their ids.
#pragma once

#include <cstdint>

#include "runtime/kernels/cuda/cuda_class.h"

namespace trireme::cuda {

// A key is an id above a row: all keys differ, so any correct sort gives the one order.
__host__ __device__ constexpr std::uint64_t key_of(std::int32_t id, std::int64_t row) {
  return (std::uint64_t{static_cast<std::uint32_t>(id)} << 32) | static_cast<std::uint64_t>(row);
}
// Negative ids come last, above every other.
__host__ __device__ constexpr std::uint32_t id_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key >> 32);
}
__host__ __device__ constexpr std::int64_t row_of(std::uint64_t key) {
  return static_cast<std::int64_t>(key & 0xffffffffu);
}

// How many of the sorted keys are below `key`.
__device__ inline std::int64_t keys_below(const std::uint64_t* keys, std::int64_t count, std::uint64_t key) {
  std::int64_t begin = 0, end = count;
  while (begin < end) {
    const std::int64_t middle = (begin + end) / 2;
    if (keys[middle] < key)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

// key_of(ids[row], row) of every row, sorted. Up to 2^32 rows.
Scratch sorted_rows(CudaDevice& device, const Tensor& ids);

}  // namespace trireme::cuda
