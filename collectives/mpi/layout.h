// How the ranks of a group lie on hosts.
#pragma once

#include <utility>
#include <vector>

#include "collectives/host/family.h"

namespace trireme::collectives {

struct Layout {
  std::vector<int> ranks;                 // in the world, by rank of the group
  std::vector<int> host_of;               // by rank of the group; hosts in the order of their first rank
  std::vector<std::vector<int>> members;  // by host: its ranks of the group, increasing; their order in the team
  int mine = 0;                           // this rank's host

  Layout(std::vector<int> world_ranks, const Family& family);

  int hosts() const noexcept { return static_cast<int>(members.size()); }
  int size() const noexcept { return static_cast<int>(ranks.size()); }
  const std::vector<int>& here() const { return members[static_cast<std::size_t>(mine)]; }
  int member_count(int host_index) const {
    return static_cast<int>(members[static_cast<std::size_t>(host_index)].size());
  }
  int world(int rank) const { return ranks[static_cast<std::size_t>(rank)]; }
  int host(int rank) const { return host_of[static_cast<std::size_t>(rank)]; }
  bool is_here(int rank) const { return host(rank) == mine; }
  // Where a rank stands among those of its host.
  int member(int rank) const;
  // The rank in the world of member `index` of a host.
  int world_rank(int host_index, int index) const {
    return ranks[static_cast<std::size_t>(
        members[static_cast<std::size_t>(host_index)][static_cast<std::size_t>(index)])];
  }
};

}  // namespace trireme::collectives
