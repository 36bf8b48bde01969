#include "collectives/bench/mpi_all_reduce.h"

#include <mpi.h>

#include "collectives/mpi/link.h"

namespace trireme {

int mpi_world_size() {
  int size = 1;
  collectives::check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  return size;
}

void mpi_all_reduce(float* data, std::int64_t count) {
  collectives::check_mpi(MPI_Allreduce(MPI_IN_PLACE, data, static_cast<int>(count), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
                         "MPI_Allreduce");
}

}  // namespace trireme
