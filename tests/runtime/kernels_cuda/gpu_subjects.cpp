#include "tests/runtime/kernels/subjects.h"

namespace trireme::test {

// The first GPU of this machine.
std::vector<Subject> subjects() {
  const auto make = [](int threads) { return make_backend("cuda", threads); };
  return {{"cuda", make}, {"cuda_aligned", make, 0}};
}

}  // namespace trireme::test
