// What a layer needs to know to be one of several that share a piece of work, without knowing who the others are or how
// they are reached. A layer of one process is whole, and exchanges nothing.
#pragma once

#include <functional>

#include "runtime/autograd/context.h"

namespace trireme::nn {

// Applied where activations enter or leave a layer that is a part; empty where it is whole.
using Exchange = std::function<Tensor(Context& cx, const Tensor& x)>;

// Number `index` of `of` equal parts, in order.
struct Part {
  std::int64_t index = 0;
  std::int64_t of = 1;
};

}  // namespace trireme::nn
