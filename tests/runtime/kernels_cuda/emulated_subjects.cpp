#include "tests/runtime/kernels/subjects.h"
#include "tests/runtime/kernels_cuda/emulator/emulated_backend.h"

namespace trireme::test {

// Single elements where tensors are not aligned, packs where they are.
std::vector<Subject> subjects() {
  const auto make = [](int) { return make_emulated_backend(); };
  return {{"emulated", make}, {"emulated_aligned", make, 0}};
}

}  // namespace trireme::test
