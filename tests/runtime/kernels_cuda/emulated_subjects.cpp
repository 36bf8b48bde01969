#include "tests/runtime/kernels/subjects.h"
#include "tests/runtime/kernels_cuda/emulator/emulated_backend.h"

namespace trireme::test {

// Single elements where tensors are not aligned, and a library without epilogues, so that our own kernels finish its
// products; packs where they are aligned, and a library that does all in one kernel.
std::vector<Subject> subjects() {
  return {{"emulated", [](int) { return make_emulated_backend(Epilogues::none); }},
          {"emulated_aligned", [](int) { return make_emulated_backend(Epilogues::all); }, 0}};
}

}  // namespace trireme::test
