// What a machine has that training needs.
#pragma once

#include <string>
#include <vector>

namespace trireme::launcher {

struct Finding {
  enum class State { good, note, missing };
  std::string name;  // "mpi"
  State state = State::good;
  std::string text;    // "Open MPI 4.1.4; two ranks met in 0.5 s"
  std::string remedy;  // empty where nothing is to be done
};

// Looks at the processor, memory, MPI, libraries, GPUs and disk. MPI is tried with two ranks, unless a launcher has
// started this process as one of `met` ranks that have met.
std::vector<Finding> examine_machine(int met = 0);

}  // namespace trireme::launcher
