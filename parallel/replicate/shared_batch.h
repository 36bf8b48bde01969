// Batch norm over the batches of several ranks, which together are one.
#pragma once

#include "parallel/mesh/mesh.h"
#include "runtime/nn/module.h"

namespace trireme::parallel {

// Lets every batch norm of `module` take its statistics over the whole batch of the axis, whose ranks have equal parts:
// a split run computes what one rank would. The axis must outlive the module's use.
void share_batch(nn::Module& module, const Axis& data);

}  // namespace trireme::parallel
