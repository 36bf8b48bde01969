// The oracle: every kernel as plain loops in double, straight from its formula. Slow on purpose; shares nothing with
// the other backends but philox and the definitions of kernels.h.
#pragma once

#include <memory>

#include "runtime/kernels/kernels.h"

namespace trireme {

// For tensors of the cpu device. Any floating-point tensor of the seam may also be f64 here, those marked (f32)
// included, so that gradients can be held against finite differences without rounding in between.
// Any output may alias any input. An id outside its table, or a target outside the classes, is an Error.
std::unique_ptr<Kernels> make_reference_kernels();

}  // namespace trireme
