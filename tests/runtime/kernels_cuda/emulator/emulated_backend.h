// The CUDA kernels over host memory, run by the emulator; matrix products and attention, which libraries compute on a
// GPU, are those of the reference.
#pragma once

#include "runtime/kernels/backend.h"

namespace trireme::test {

Backend make_emulated_backend();

}  // namespace trireme::test
