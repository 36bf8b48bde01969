#include "collectives/mpi/layout.h"

#include <algorithm>

namespace trireme::collectives {

Layout::Layout(std::vector<int> world_ranks, const Family& family) : ranks(std::move(world_ranks)) {
  std::vector<int> domains;
  for (int rank = 0; rank < size(); ++rank) {
    const int domain = family.person(world(rank)).domain;
    const auto found = std::find(domains.begin(), domains.end(), domain);
    const auto place = static_cast<std::size_t>(found - domains.begin());
    if (found == domains.end()) {
      domains.push_back(domain);
      members.emplace_back();
    }
    host_of.push_back(static_cast<int>(place));
    members[place].push_back(rank);
    if (domain == family.self().domain) mine = static_cast<int>(place);
  }
}

int Layout::member(int rank) const {
  const auto& there = members[static_cast<std::size_t>(host(rank))];
  return static_cast<int>(std::find(there.begin(), there.end(), rank) - there.begin());
}

}  // namespace trireme::collectives
