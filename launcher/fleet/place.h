// Which rank of which run this process is, as far as its environment says.
#pragma once

#include "collectives/rendezvous/world.h"

namespace trireme::launcher {

// std::getenv; tests bring their own tables.
Environment process_environment();

struct Place {
  enum class By { nobody, mpirun, srun };
  By by = By::nobody;
  int rank = 0;
  int size = 1;

  bool is_rank() const noexcept { return by != By::nobody; }
};

// Who started this process, and as what. Throws Error for a launcher whose ranks could not find each other (srun
// without PMIx, another MPI's mpiexec): they would train one model each.
Place launched_by(const Environment& environment = process_environment());

// Whether `trireme train -n N` itself started this rank and looks after it.
bool is_supervised(const Environment& environment = process_environment());

namespace variables {
inline constexpr const char* supervised = "TRIREME_SUPERVISED";
inline constexpr const char* terminal = "TRIREME_TERMINAL";  // columns of the terminal that the ranks' output goes to
}  // namespace variables

}  // namespace trireme::launcher
