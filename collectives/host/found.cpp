// How a team gets its memory: new groups and windows.
#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "collectives/host/host_group.h"
#include "collectives/host/memory.h"
#include "collectives/host/window.h"
#include "runtime/base/error.h"

namespace trireme::collectives {
namespace {

constexpr std::int64_t page = 4096;

// Memory that `leader` makes and the other members of `team` attach to; members with no leader (-1) only take part in
// the two calls. All of a leader's followers see the same bytes.
std::shared_ptr<Memory> share(Team& team, const Call& call, int leader, std::int64_t bytes) {
  std::unique_ptr<Offer> offer;
  MemoryHandle handle;
  if (leader == team.me()) {
    offer = team.family().sharing().create(bytes);
    handle = offer->handle();
  }
  team.begin(call, std::as_bytes(std::span(&handle, 1)));
  std::shared_ptr<Memory> memory;
  if (offer) {
    memory = offer->memory();
  } else {
    std::memcpy(&handle, team.payload(leader), sizeof handle);
    memory = team.family().sharing().attach(handle);
  }
  team.step();  // all have attached: the offer ends
  return memory;
}

// The number is the same on all members and different from that of any other window of the host's ranks: a rank never
// has the same group number twice, but groups without a common rank may have the same, so their first ranks tell them
// apart.
std::uint64_t window_number(const Team& team, std::uint64_t allocation) {
  const std::uint64_t first = static_cast<std::uint64_t>(team.rank_of(0)), group = team.number();
  require(first < 1u << 20 && group < 1u << 24 && allocation < 1u << 20, "group memory",
          "expected fewer ranks, groups or allocations, found rank", first, "group", group, "allocation", allocation);
  return (first << 44 | group << 20 | allocation) + 1;
}

// This rank's part of a window.
class WindowStorage : public Storage {
 public:
  WindowStorage(std::shared_ptr<const Window> window, std::shared_ptr<Family> family)
      : Storage(window->part(window->own), window->part_bytes),
        window_(std::move(window)),
        family_(std::move(family)) {}
  ~WindowStorage() override { family_->windows().remove(window_->number); }

 private:
  std::shared_ptr<const Window> window_;
  std::shared_ptr<Family> family_;
};

}  // namespace

std::vector<int> chosen(const std::vector<Application>& applications, int mine) {
  std::vector<int> ranks;
  const auto order = [&](int rank) { return applications[static_cast<std::size_t>(rank)].order; };
  for (int rank = 0; rank < static_cast<int>(applications.size()); ++rank)
    if (applications[static_cast<std::size_t>(rank)].color == applications[static_cast<std::size_t>(mine)].color)
      ranks.push_back(rank);
  std::stable_sort(ranks.begin(), ranks.end(), [&](int a, int b) { return order(a) < order(b); });
  return ranks;
}

std::uint32_t agreed_number(const std::vector<Application>& applications) {
  std::uint32_t number = 0;
  for (const Application& application : applications) number = std::max(number, application.number);
  return number;
}

std::unique_ptr<Team> found_team(Team& parent, const std::vector<int>& members, std::string name,
                                 std::uint32_t number) {
  const Call call{.operation = Operation::split, .label = name};
  auto memory = share(parent, call, members.front(), Team::bytes(static_cast<int>(members.size())));
  parent.family().number_taken(number);
  Team::Parts parts{.family = parent.shared_family(),
                    .memory = std::move(memory),
                    .ranks = {},
                    .me = 0,
                    .group = std::move(name),
                    .number = number};
  for (int member : members) {
    if (member == parent.me()) parts.me = static_cast<int>(parts.ranks.size());
    parts.ranks.push_back(parent.rank_of(member));
  }
  return std::make_unique<Team>(std::move(parts));
}

std::shared_ptr<Storage> TeamGroup::allocate(Device& device, std::int64_t bytes, MemoryKind kind) {
  require(bytes >= 0, "group memory", "expected a size of zero or more, found", bytes);
  if (device.type() == DeviceType::dry || bytes == 0) return device.allocate(bytes, kind);
  require(device.type() == DeviceType::cpu, "group memory", "group '" + std::string(name()) + "' of transport",
          transport_, "reduces host memory, found device", device.type());
  std::shared_ptr<Window> window = std::make_shared<Window>();
  guard([&] {
    const int members = team().size();
    window->number = window_number(team(), ++allocations_);
    window->part_bytes = bytes;
    window->stride = (bytes + page - 1) / page * page;
    const Call call{.operation = Operation::allocate, .count = bytes};
    window->memory = share(team(), call, 0, window->stride * members);
    window->own = team().me();
    for (int member = 0; member < members; ++member) {
      const auto rank = static_cast<std::size_t>(team().rank_of(member));
      if (window->part_of.size() <= rank) window->part_of.resize(rank + 1, -1);
      window->part_of[rank] = member;
    }
    make_present(window->part(window->own), bytes, "group memory");  // each its own part, near its own core
    team().step();
    for (int member = 0; member < members; ++member) make_present(window->part(member), bytes, "group memory");
  });
  team().family().windows().add(window);
  return device.adopt(std::make_shared<WindowStorage>(std::move(window), team().shared_family()), kind);
}

}  // namespace trireme::collectives
