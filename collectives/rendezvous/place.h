// Which rank of which run this process is, as far as its environment says.
#pragma once

#include <functional>

namespace trireme {

// The value of an environment variable, or null: std::getenv, handed down by a main.
using Environment = std::function<const char*(const char* name)>;

struct Place {
  enum class By { nobody, mpirun, srun };
  By by = By::nobody;
  int rank = 0;
  int size = 1;

  bool is_rank() const noexcept { return by != By::nobody; }
};

// Who started this process, and as what; a rank joins the others with a World. Throws Error for a launcher whose ranks
// could not find each other (srun without PMIx, another MPI's mpiexec): they would train one model each.
Place launched_by(const Environment& environment);

}  // namespace trireme
