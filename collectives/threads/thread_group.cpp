#include "collectives/threads/thread_group.h"

#include "collectives/host/host_group.h"
#include "runtime/base/error.h"
#include "runtime/base/host.h"

namespace trireme {

std::vector<std::unique_ptr<Group>> make_thread_groups(int ranks, const GroupOptions& options) {
  using namespace collectives;
  require(ranks >= 1 && ranks <= Team::max_members, "threads", "expected 1 to", Team::max_members, "ranks, found",
          ranks);
  const Sharing sharing = Sharing::among_threads();
  const auto failure_memory = sharing.create(Family::failure_bytes)->memory();
  const auto team_memory = sharing.create(Team::bytes(ranks))->memory();
  std::vector<Person> persons;
  std::vector<int> members;
  for (int rank = 0; rank < ranks; ++rank) {
    persons.push_back({.rank = rank, .host = host_name(), .process = 0});
    members.push_back(rank);
  }
  std::vector<std::unique_ptr<Group>> groups;
  for (int rank = 0; rank < ranks; ++rank) {
    auto family = std::make_shared<Family>(Family::Parts{.rank = rank,
                                                         .persons = persons,
                                                         .sharing = sharing,
                                                         .failure_memory = failure_memory,
                                                         .deadline = options.deadline,
                                                         .spins = spins_for(ranks, usable_cores()),
                                                         .one_address_space = !options.pretend_processes});
    const std::uint32_t number = family->propose_number();
    family->number_taken(number);
    auto team = std::make_unique<Team>(Team::Parts{.family = std::move(family),
                                                   .memory = team_memory,
                                                   .ranks = members,
                                                   .me = rank,
                                                   .group = options.name,
                                                   .number = number});
    groups.push_back(std::make_unique<HostGroup>(std::move(team), "threads"));
  }
  return groups;
}

}  // namespace trireme
