// Activation recomputation (Chen et al. 2016): a region keeps its input alone and is run again in the backward pass.
#pragma once

#include <functional>
#include <vector>

#include "runtime/autograd/context.h"

namespace trireme::ops {

// outputs = region(cx, inputs), keeping only the inputs. Dropout draws the same numbers the second time, because random
// numbers are counters. A parameter used inside and outside the region still reports its gradient once.
// Weight gradients inside the region are never left for later: they are computed while it is run again.
using Region = std::function<std::vector<Tensor>(Context& cx, const std::vector<Tensor>& inputs)>;
std::vector<Tensor> recompute(Context& cx, const std::vector<Tensor>& inputs, Region region);

}  // namespace trireme::ops
