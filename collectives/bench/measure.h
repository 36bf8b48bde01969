// How fast a group's operations are, beside the MPI library's own all-reduce where there is one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/group/group.h"
#include "runtime/device/device.h"

namespace trireme {

struct CollectiveTiming {
  std::string operation;   // "all_reduce", "all_gather", "reduce_scatter", "broadcast"
  std::string memory;      // "window": of Group::allocate; "device": any other; "MPI_Allreduce": the library, in place
  std::int64_t bytes = 0;  // of the larger region
  int ranks = 1;
  double seconds = 0.0;              // median; of the slowest rank
  double algorithm_bandwidth = 0.0;  // bytes / seconds
  // What a link must carry: x 2 (n - 1) / n for all_reduce, (n - 1) / n for all_gather and reduce_scatter, 1 for
  // broadcast (nccl-tests, doc/PERFORMANCE.md).
  double bus_bandwidth = 0.0;
};

struct CollectiveMeasure {
  std::vector<std::int64_t> sizes = {4,         64,      1 << 10, 4 << 10,  16 << 10, 64 << 10,
                                     256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20};  // bytes
  int samples = 21;  // of each size; ours and MPI's take turns
};

// fp32 sums. Every rank calls it and gets the same result.
std::vector<CollectiveTiming> measure_collectives(Group& group, Device& device, const CollectiveMeasure& options = {});

}  // namespace trireme
