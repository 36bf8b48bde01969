// The MPI library's own all-reduce, to measure against. Only between ranks that a World has joined.
#pragma once

#include <cstdint>

namespace trireme {

int mpi_world_size();
// In place, fp32 sum, all ranks; blocks.
void mpi_all_reduce(float* data, std::int64_t count);

}  // namespace trireme
