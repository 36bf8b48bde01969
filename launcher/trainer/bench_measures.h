// What benches of steps measure alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "collectives/group/group.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start);
// Of this process, on all its threads.
double processor_seconds();
// Since the kernel started this process (to 10 ms).
double process_age();
double peak_rss_mb();
double median(std::vector<double> values);
// "fp32", "bf16" or "fp16".
DType dtype_of_bench(const std::string& name);
// GFLOP/s of a product of the size that a transformer's layers have, of the steps' dtype.
double gemm_rate(Backend& backend, DType dtype);
// The largest of each number over the ranks. Collective.
void largest_over_ranks(std::span<double> values, Backend& backend, Group& world);

}  // namespace trireme::launcher
