// What a rank writes of a state.
#pragma once

#include <cstddef>
#include <functional>

#include "parallel/snapshot/snapshot.h"

namespace trireme::parallel {

// The elements of a tensor, as fp32 numbers, in host memory that stays as it is until they are written.
using ToHost = std::function<const std::byte*(const Tensor& values)>;

void add_part(store::CheckpointWriter& writer, State state, Group& group, const ToHost& to_host);
// `metadata` and what the manifest says of the optimizer and the loss scale.
store::Metadata with_state(store::Metadata metadata, State state);

}  // namespace trireme::parallel
