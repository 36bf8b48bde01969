// The CUDA runtime on host memory, as strict as its manual: each stream is a thread that does its work in order and
// late, capture refuses what CUDA refuses, and memory is limited. Kernels there are none.
#pragma once

#include <cstdint>

namespace trireme::test {

inline constexpr std::int64_t fake_memory = std::int64_t{1} << 30;  // bytes of the one device

// What cudaMalloc has given and not got back.
std::int64_t fake_memory_held();

}  // namespace trireme::test
