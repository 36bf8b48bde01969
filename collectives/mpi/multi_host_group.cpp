#include "collectives/mpi/multi_host_group.h"

#include <algorithm>
#include <cstring>

#include "collectives/group/checks.h"
#include "collectives/host/exchange.h"
#include "collectives/host/reduce.h"
#include "collectives/host/stages.h"
#include "collectives/mpi/chain.h"
#include "collectives/mpi/header.h"
#include "runtime/base/error.h"

namespace trireme::collectives {
namespace {

constexpr std::int64_t board_piece = 2;    // of the first member's stage: what the hosts have told each other
constexpr std::int64_t board_header = 64;  // bytes before the payloads
constexpr std::int64_t stage_capacity = 2 * Team::stage_bytes;  // of the pieces before the board

}  // namespace

MultiHostGroup::MultiHostGroup(std::unique_ptr<Team> team, std::shared_ptr<Link> link, Layout layout)
    : TeamGroup(std::move(team), "mpi"), wire_(std::move(link), TeamGroup::team()), layout_(std::move(layout)) {}

std::int64_t MultiHostGroup::small_bytes() const noexcept {
  return std::min(Team::small_bytes, (Team::stage_bytes - board_header) / size());
}

void MultiHostGroup::begin(const Call& call, std::span<const std::byte> payload, const Region* region) {
  const Place place = region ? team().family().place_of(region->data, region->bytes()) : Place{};
  payload_bytes_ = static_cast<std::int64_t>(payload.size());
  if (payload_bytes_ > (Team::stage_bytes - board_header) / size())
    fail(name_of(call.operation), "expected at most", (Team::stage_bytes - board_header) / size(), "bytes from each of",
         size(), "ranks, for which the hosts have room, found", payload_bytes_);
  team().set_grace(0.0);
  team().begin(call, payload, place);
  if (leads()) exchange_headers(call, payload_bytes_, team().size() == 1 || team().direct());
  await_workers();
}

void MultiHostGroup::exchange_headers(const Call& call, std::int64_t payload_bytes, bool direct) {
  const auto message = [&](int host) {
    return static_cast<std::int64_t>(sizeof(Header)) + layout_.member_count(host) * Team::small_bytes;
  };
  std::int64_t room = 0;
  for (int host = 0; host < layout_.hosts(); ++host) room += message(host);
  if (static_cast<std::int64_t>(inbox_.size()) < room) inbox_.resize(static_cast<std::size_t>(room));
  const std::int64_t bytes = static_cast<std::int64_t>(sizeof(Header)) + team().size() * payload_bytes;
  outbox_.resize(static_cast<std::size_t>(bytes));
  const Header mine(call, direct);
  std::memcpy(outbox_.data(), &mine, sizeof mine);
  for (int member = 0; member < team().size(); ++member)
    copy_bytes(outbox_.data() + sizeof mine + member * payload_bytes, team().payload(member), payload_bytes);

  Requests requests;
  std::int64_t at = 0;
  for (int host = 0; host < layout_.hosts(); at += message(host++)) {
    if (host == layout_.mine) continue;
    wire_.receive(requests, layout_.world_rank(host, 0), Wire::header, inbox_.data() + at, message(host));
    wire_.send(requests, layout_.world_rank(host, 0), Wire::header, outbox_.data(), bytes);
  }
  wire_.wait(requests, call);

  std::byte* board = team().stage(0, board_piece);
  std::uint64_t all_direct = 1;
  at = 0;
  for (int host = 0; host < layout_.hosts(); at += message(host++)) {
    const std::byte* from = host == layout_.mine ? outbox_.data() : inbox_.data() + at;
    Header header;
    std::memcpy(&header, from, sizeof header);
    if (header.signature != mine.signature)
      fail(name_of(call.operation), "ranks disagree in call", team().sequence(),
           "of group '" + team().group() + "':", team().family().self().name(), "calls", mine.describe() + ",",
           team().family().person(layout_.world_rank(host, 0)).name(), "calls",
           header.describe() + "; every rank must make the same calls in the same order");
    all_direct &= header.direct;
    for (int member = 0; member < layout_.member_count(host); ++member) {
      const int rank = layout_.members[static_cast<std::size_t>(host)][static_cast<std::size_t>(member)];
      copy_bytes(board + board_header + rank * payload_bytes, from + sizeof header + member * payload_bytes,
                 payload_bytes);
    }
  }
  std::memcpy(board, &all_direct, sizeof all_direct);
}

const std::byte* MultiHostGroup::payload(int rank) const noexcept {
  return team().stage(0, board_piece) + board_header + rank * payload_bytes_;
}

bool MultiHostGroup::direct() const noexcept {
  std::uint64_t flag = 0;
  std::memcpy(&flag, team().stage(0, board_piece), sizeof flag);
  return flag != 0;
}

// All members are done, those too that had to wait for another host.
void MultiHostGroup::await_workers() {
  team().set_grace(grace);
  team().step();
}

std::unique_ptr<Group> MultiHostGroup::split(int color, int order, std::string name) {
  std::unique_ptr<Group> group;
  guard([&] {
    const Application mine{.color = color, .order = order, .number = team().family().propose_number()};
    begin({.operation = Operation::split, .label = name}, std::as_bytes(std::span(&mine, 1)));
    std::vector<Application> applications(static_cast<std::size_t>(size()));
    for (int other = 0; other < size(); ++other)
      std::memcpy(&applications[static_cast<std::size_t>(other)], payload(other), sizeof mine);
    std::vector<int> ranks;    // of the new group, in the world
    std::vector<int> members;  // of it, in the team of this host
    for (int chosen_rank : chosen(applications, rank())) {
      ranks.push_back(layout_.world(chosen_rank));
      if (!layout_.is_here(chosen_rank)) continue;
      members.push_back(layout_.member(chosen_rank));
    }
    auto founded = found_team(team(), members, std::move(name), agreed_number(applications));
    Layout layout(std::move(ranks), team().family());
    group = make_mpi_group(std::move(founded), wire_.link(), std::move(layout));
  });
  return group;
}

void MultiHostGroup::reduce_payloads(const Region& out, std::int64_t first, Reduction reduction) {
  std::vector<const std::byte*> sources;
  for (int other = 0; other < size(); ++other) sources.push_back(payload(other) + first * size_of(out.dtype));
  std::byte* const target = element(out, 0);
  reduce({.sources = sources, .targets = {&target, 1}, .count = out.count, .dtype = out.dtype, .reduction = reduction});
}

// After begin(): the sum of all copies, in all copies.
void MultiHostGroup::reduce_large(const Call& call, const Region& in_out, Reduction reduction) {
  ChainJob job{.team = team(),
               .wire = wire_,
               .layout = layout_,
               .copies = {},
               .count = in_out.count,
               .dtype = in_out.dtype,
               .reduction = reduction};
  job.copies.resize(static_cast<std::size_t>(team().size()));
  if (direct()) {
    const bool reachable = team().size() > 1 && team().direct();
    for (int member = 0; member < team().size(); ++member)
      job.copies[static_cast<std::size_t>(member)] = reachable ? team().reach(member) : element(in_out, 0);
    run_chain(job, scratch_);
    return await_workers();
  }
  for (int member = 0; member < team().size(); ++member)
    job.copies[static_cast<std::size_t>(member)] = team().stage(member, 0);
  const std::int64_t size = size_of(call.dtype);
  const std::int64_t piece = stage_capacity / size;
  for (std::int64_t begin = 0; begin < in_out.count; begin += piece) {
    job.count = std::min(piece, in_out.count - begin);
    copy_to_stage(team().stage(team().me(), 0), element(in_out, begin), job.count * size);
    await_workers();
    run_chain(job, scratch_);
    await_workers();
    copy_bytes(element(in_out, begin), team().stage(team().me(), 0), job.count * size);
  }
}

void MultiHostGroup::all_reduce(Region in_out, Reduction reduction, Stream& stream) {
  enqueue(stream, [this, in_out, reduction] {
    check_reduced("all_reduce", in_out);
    const Call call{.operation = Operation::all_reduce,
                    .reduction = reduction,
                    .dtype = in_out.dtype,
                    .count = in_out.count,
                    .label = in_out.label};
    const bool small = in_out.bytes() <= small_bytes();
    begin(call, small ? bytes_of(in_out) : std::span<const std::byte>{}, &in_out);
    if (small)
      reduce_payloads(in_out, 0, reduction);
    else
      reduce_large(call, in_out, reduction);
  });
}

void MultiHostGroup::reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) {
  enqueue(stream, [this, all, mine, reduction] {
    check_reduced("reduce_scatter", all);
    check_parts(*this, "reduce_scatter", mine, all);
    const Call call{.operation = Operation::reduce_scatter,
                    .reduction = reduction,
                    .dtype = mine.dtype,
                    .count = mine.count,
                    .label = all.label};
    const bool small = all.bytes() <= small_bytes();
    begin(call, small ? bytes_of(all) : std::span<const std::byte>{}, &all);
    if (small) return reduce_payloads(mine, rank() * mine.count, reduction);
    reduce_large(call, all, reduction);
    copy_bytes(element(mine, 0), element(all, rank() * mine.count), mine.bytes());
  });
}

void MultiHostGroup::barrier(Stream& stream) {
  enqueue(stream, [this] { begin({.operation = Operation::barrier}); });
}

std::unique_ptr<Group> make_mpi_group(std::unique_ptr<Team> team, std::shared_ptr<Link> link, Layout layout) {
  if (layout.hosts() == 1) return std::make_unique<HostGroup>(std::move(team), "mpi");
  return std::make_unique<MultiHostGroup>(std::move(team), std::move(link), std::move(layout));
}

}  // namespace trireme::collectives
