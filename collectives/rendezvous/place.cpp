#include "collectives/rendezvous/place.h"

#include <charconv>
#include <cstring>

#include "runtime/base/error.h"

namespace trireme {
namespace {

int number(const Environment& environment, const char* name, int otherwise) {
  const char* text = environment(name);
  if (!text) return otherwise;
  int value = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
  require(error == std::errc{} && value >= 0 && *end == '\0', "ranks", "expected a number in the environment variable",
          name, "found", text);
  return value;
}

Place checked(Place place) {
  require(place.rank < place.size, "ranks", "expected a rank below the number of ranks, found rank", place.rank, "of",
          place.size, "in the environment; was it copied from another process?");
  return place;
}

}  // namespace

Place launched_by(const Environment& environment) {
  if (environment("OMPI_COMM_WORLD_RANK") && environment("OMPI_COMM_WORLD_SIZE")) {
    Place place{.by = Place::By::mpirun};
    place.rank = number(environment, "OMPI_COMM_WORLD_RANK", 0);
    place.size = number(environment, "OMPI_COMM_WORLD_SIZE", 1);
    return checked(place);
  }
  // A batch script has SLURM_PROCID too; only a step's tasks have SLURM_STEP_NUM_TASKS.
  const int tasks = number(environment, "SLURM_STEP_NUM_TASKS", 0);
  if (tasks > 0 && environment("SLURM_PROCID")) {
    if (environment("PMIX_RANK")) {
      Place place{.by = Place::By::srun};
      place.rank = number(environment, "PMIX_RANK", 0);
      place.size = tasks;
      return checked(place);
    }
    require(tasks == 1, "ranks", "expected srun to connect its", tasks, "tasks; start them with srun --mpi=pmix");
  }
  require(
      number(environment, "PMI_SIZE", 1) == 1, "ranks",
      "expected Open MPI's mpirun; these ranks were started by another MPI's launcher (PMI_SIZE is set) and could not "
      "find each other");
  return {};
}

}  // namespace trireme
