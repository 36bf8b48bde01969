// An all-reduce between hosts that adds in rank order.
//
// The ranks of a group, in order, fall into runs that share a host. A partial sum travels from run to run; each run
// adds its members' copies to it, in rank order, so the result has the bits of a sum on one host. Then the result
// travels back, from host to host. Every host sends and receives each element at most once each way, whatever the
// number of its ranks: the traffic of a ring all-reduce, in a fixed order. With 16-bit types the partial sums travel in
// fp32.
//
// The range is cut into lanes, one for each rank of a host, and each lane into chunks. Run k works on chunk c in slot
// k + c, so all hosts are busy at once; what a slot needs was sent in an earlier one, so no order of waiting can lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collectives/group/group.h"
#include "collectives/host/team.h"
#include "collectives/mpi/layout.h"
#include "collectives/mpi/wire.h"

namespace trireme::collectives {

struct ChainJob {
  const Team& team;
  const Wire& wire;
  const Layout& layout;
  std::vector<std::byte*> copies;  // of the whole range, by member of the team
  std::int64_t count = 0;
  DType dtype = DType::f32;
  Reduction reduction = Reduction::sum;
};

// This rank's lane of the job; nothing where a rank has no lane. Every copy of this host has the result in that lane
// when it returns. `scratch` keeps its memory from call to call.
void run_chain(const ChainJob& job, std::vector<std::byte>& scratch);

}  // namespace trireme::collectives
