// A group of GPUs, one rank each, over NCCL.
//
// Sums: NCCL adds in an order of its own, which follows from its version and settings, the machines' wiring and the
// size of the range. So results are the same bits on every rank and on every run of the same job on the same machines,
// but not those of another transport; and 16-bit sums are rounded at every addition. Every other operation moves bytes.
//
// Ranks that call different operations are not told apart by NCCL: they wait until the deadline.
#pragma once

#include <memory>

#include "collectives/group/group.h"

namespace trireme {

struct NcclOptions {
  double deadline = 300.0;  // seconds that any one wait may take
};

// Takes over `host`, a group of the same ranks over host memory, which starts NCCL and tells of failures; `device` is
// of this plugin and outlives the group. Collective. Throws Error for ranks that share a GPU where NCCL refuses that.
std::unique_ptr<Group> make_nccl_group(std::unique_ptr<Group> host, Device& device, const NcclOptions& options);

}  // namespace trireme
