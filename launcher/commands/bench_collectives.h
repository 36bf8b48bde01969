// `trireme bench collectives`: how fast the ranks' operations are, beside MPI_Allreduce.
#pragma once

#include <cstdint>
#include <vector>

namespace trireme::launcher {

struct BenchCollectivesOptions {
  int ranks = 2;
  bool ranks_as_threads = false;
  std::vector<std::int64_t> sizes;  // bytes; empty: from 4 bytes to 64 MiB
  int samples = 21;                 // of each size
  bool json = false;
};
// Collective over the ranks; the first one prints.
int bench_collectives(const BenchCollectivesOptions& options);

}  // namespace trireme::launcher
