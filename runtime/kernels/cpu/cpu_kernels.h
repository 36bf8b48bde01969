// Kernels for x86-64 processors: matrix products by oneDNN, everything else by vector loops that are compiled for
// several instruction sets and chosen when the kernels are made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/kernels/kernels.h"

namespace trireme {

// The instruction sets of the vector loops, by x86-64 level: SSE2; AVX2 with FMA and F16C; AVX-512 F, BW, CD, DQ, VL.
enum class CpuLevel : std::uint8_t { base, v3, v4 };

// Those this processor has, lowest first.
std::vector<CpuLevel> cpu_levels();
// The name of the highest: "AVX-512", "AVX2" or "SSE2".
std::string cpu_instruction_set();

// `threads` counts the calling one, at least 1. One instance serves one caller at a time at full width; a call that
// finds the other threads busy with another caller's work runs in its own thread alone, with the same result.
// Throws Error for fewer threads or for a level that the processor lacks.
std::unique_ptr<Kernels> make_cpu_kernels(int threads);
std::unique_ptr<Kernels> make_cpu_kernels(int threads, CpuLevel level);

}  // namespace trireme
