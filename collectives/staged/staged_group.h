// A group of ranks whose memory the host cannot reach, over a group of the host: data passes through a window of host
// memory, in pieces. Slower than a transport of the device's own, but any number of ranks may share one device, and
// sums have the bits that they have on a CPU.
#pragma once

#include <memory>

#include "collectives/group/group.h"

namespace trireme {

struct StagingOptions {
  std::int64_t window_bytes = 16 << 20;  // per rank and group; at least 64 for each rank
};

// Takes over `host`, a group over host memory; regions are memory of `device`, which outlives the group.
std::unique_ptr<Group> make_staged_group(std::unique_ptr<Group> host, Device& device,
                                         const StagingOptions& options = {});

}  // namespace trireme
