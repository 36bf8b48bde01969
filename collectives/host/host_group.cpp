#include "collectives/host/host_group.h"

#include <cstring>
#include <span>

#include "collectives/group/checks.h"
#include "collectives/host/exchange.h"
#include "runtime/base/error.h"

namespace trireme::collectives {

void TeamGroup::used_twice() const {
  fail("group", "'" + std::string(name()) + "' is in use on another stream; split a second group for a second stream");
}

void TeamGroup::check() {
  team_->family().check("group", [this] { return "group '" + std::string(name()) + "', waiting for its device"; });
}

std::unique_ptr<Group> HostGroup::split(int color, int order, std::string name) {
  std::unique_ptr<Group> group;
  guard([&] {
    const Application mine{.color = color, .order = order, .number = team().family().propose_number()};
    team().begin({.operation = Operation::split, .label = name}, std::as_bytes(std::span(&mine, 1)));
    std::vector<Application> applications(static_cast<std::size_t>(size()));
    for (int member = 0; member < size(); ++member)
      std::memcpy(&applications[static_cast<std::size_t>(member)], team().payload(member), sizeof mine);
    auto founded = found_team(team(), chosen(applications, rank()), std::move(name), agreed_number(applications));
    group = std::make_unique<HostGroup>(std::move(founded), std::string(transport()));
  });
  return group;
}

void HostGroup::all_reduce(Region in_out, Reduction reduction, Stream& stream) {
  enqueue(stream, [this, in_out, reduction] {
    check_reduced("all_reduce", in_out);
    collectives::all_reduce(team(), in_out, reduction);
  });
}

void HostGroup::all_gather(Region mine, Region all, Stream& stream) {
  enqueue(stream, [this, mine, all] {
    check_parts(*this, "all_gather", mine, all);
    collectives::all_gather(team(), mine, all);
  });
}

void HostGroup::reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) {
  enqueue(stream, [this, all, mine, reduction] {
    check_reduced("reduce_scatter", all);
    check_parts(*this, "reduce_scatter", mine, all);
    collectives::reduce_scatter(team(), all, mine, reduction);
  });
}

void HostGroup::broadcast(Region in_out, int root, Stream& stream) {
  enqueue(stream, [this, in_out, root] {
    check_root(*this, root);
    collectives::broadcast(team(), in_out, root);
  });
}

void HostGroup::all_to_all(Region in, Region out, Stream& stream) {
  enqueue(stream, [this, in, out] {
    check_exchange(*this, in, out);
    collectives::all_to_all(team(), in, out);
  });
}

void HostGroup::send(Region data, int to, Stream& stream) {
  enqueue(stream, [this, data, to] {
    check_peer(*this, "send", to);
    collectives::send(team(), data, to);
  });
}

void HostGroup::recv(Region data, int from, Stream& stream) {
  enqueue(stream, [this, data, from] {
    check_peer(*this, "recv", from);
    collectives::recv(team(), data, from);
  });
}

void HostGroup::barrier(Stream& stream) {
  enqueue(stream, [this] { team().begin({.operation = Operation::barrier}); });
}

}  // namespace trireme::collectives
