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
  std::int64_t shift = 3;  // how many elements past an aligned address its tensors start
};

// The backends of the program that the suite is part of; each defines this.
std::vector<Subject> subjects();

}  // namespace trireme::test
