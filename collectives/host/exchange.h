// The operations between the ranks of one host, over a team: small regions travel with the call itself, regions in a
// common window are worked on where they lie, others pass through the members' stages in pieces that fit the cache.
// Every function is one call of the team, made by all members.
#pragma once

#include <cstdint>

#include "collectives/group/group.h"
#include "collectives/host/team.h"

namespace trireme::collectives {

// Elements [begin, begin + count) of a range: what one of several parts works on.
struct Slice {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};
// Part `index` of `count` elements cut into `parts` nearly equal ones, at multiples of a cache line.
Slice slice_of(std::int64_t count, int parts, int index, DType dtype);

void all_reduce(Team& team, const Region& in_out, Reduction reduction);
void all_gather(Team& team, const Region& mine, const Region& all);
void reduce_scatter(Team& team, const Region& all, const Region& mine, Reduction reduction);
void broadcast(Team& team, const Region& in_out, int root);
void all_to_all(Team& team, const Region& in, const Region& out);
void send(Team& team, const Region& data, int to);
void recv(Team& team, const Region& data, int from);

}  // namespace trireme::collectives
