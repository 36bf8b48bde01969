// What a rank writes of a state.
#pragma once

#include <cstddef>
#include <functional>

#include "parallel/snapshot/snapshot.h"

namespace trireme::parallel {

// The elements of a tensor, as fp32 numbers, in host memory that stays as it is until they are written.
using ToHost = std::function<const std::byte*(const Tensor& values)>;

void add_part(store::CheckpointWriter& writer, States states, Group& group, const ToHost& to_host);
// `metadata` and what the manifest says of the optimizers and the loss scales.
store::Metadata with_states(store::Metadata metadata, States states);

}  // namespace trireme::parallel
