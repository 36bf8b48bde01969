// The backends that the kernel suite runs over.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/kernels/backend.h"

namespace trireme::test {

// A backend with data, under a name fit for a test's name. `make` takes the number of threads.
struct Subject {
  std::string name;
  std::function<Backend(int)> make;
};

// Every backend that holds data and that this machine can run: the cpu kernels once per instruction set, and the
// reference itself, whose rounding to 16 bits is checked that way.
std::vector<Subject> subjects();

}  // namespace trireme::test
