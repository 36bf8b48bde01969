#include "collectives/mpi/multi_host_group.h"

#include <algorithm>
#include <cstring>

#include "collectives/host/exchange.h"
#include "collectives/host/reduce.h"
#include "collectives/host/stages.h"
#include "collectives/mpi/chain.h"
#include "runtime/base/error.h"

namespace trireme::collectives {
namespace {

constexpr double grace = 2.0;             // seconds, see Team::set_grace
constexpr std::int64_t board_piece = 2;   // of the first member's stage: what the hosts have told each other
constexpr std::int64_t board_header = 64; // bytes before the payloads
constexpr std::int64_t stage_capacity = 2 * Team::stage_bytes;  // of the pieces before the board
constexpr std::int64_t relay_bytes = 1 << 20;

// What the hosts' first ranks send each other at the start of a call, before their members' payloads.
struct Header {
  std::uint64_t signature = 0;
  std::uint64_t direct = 0;
  char label[64] = {};

  Header() = default;
  Header(const Call& call, bool is_direct) : signature(call.signature()), direct(is_direct ? 1 : 0) {
    call.label.copy(label, sizeof label - 1);
  }
  std::string describe() const {
    Call call = Call::unpack(signature);
    call.label = label;
    return call.describe();
  }
};

}  // namespace

MultiHostGroup::MultiHostGroup(std::unique_ptr<Team> team, std::shared_ptr<Link> link, Layout layout)
    : TeamGroup(std::move(team), "mpi"), wire_(std::move(link), TeamGroup::team()), layout_(std::move(layout)) {}

std::int64_t MultiHostGroup::small_bytes() const noexcept {
  return std::min(Team::small_bytes, (Team::stage_bytes - board_header) / size());
}

void MultiHostGroup::begin(const Call& call, std::span<const std::byte> payload, const Region* region) {
  const Place place = region ? team().family().place_of(region->data, region->bytes()) : Place{};
  payload_bytes_ = static_cast<std::int64_t>(payload.size());
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
      fail(name_of(call.operation), "ranks disagree in call", team().sequence(), "of group '" + team().group() + "':",
           team().family().self().name(), "calls", mine.describe() + ",",
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
      ranks.push_back(layout_.ranks[static_cast<std::size_t>(chosen_rank)]);
      if (layout_.host_of[static_cast<std::size_t>(chosen_rank)] != layout_.mine) continue;
      const auto& here = layout_.here();
      members.push_back(static_cast<int>(std::find(here.begin(), here.end(), chosen_rank) - here.begin()));
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
  reduce({.sources = sources, .targets = {&target, 1}, .count = out.count, .dtype = out.dtype,
          .reduction = reduction});
}

// After begin(): the sum of all copies, in all copies.
void MultiHostGroup::reduce_large(const Call& call, const Region& in_out, Reduction reduction) {
  ChainJob job{.team = team(), .wire = wire_, .layout = layout_, .copies = {}, .count = in_out.count,
               .dtype = in_out.dtype, .reduction = reduction};
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
    const Call call{.operation = Operation::all_reduce, .reduction = reduction, .dtype = in_out.dtype,
                    .count = in_out.count, .label = in_out.label};
    const bool small = in_out.bytes() <= small_bytes();
    begin(call, small ? bytes_of(in_out) : std::span<const std::byte>{}, &in_out);
    if (small) reduce_payloads(in_out, 0, reduction);
    else reduce_large(call, in_out, reduction);
  });
}

void MultiHostGroup::reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) {
  enqueue(stream, [this, all, mine, reduction] {
    check_gather("reduce_scatter", mine, all);
    const Call call{.operation = Operation::reduce_scatter, .reduction = reduction, .dtype = mine.dtype,
                    .count = mine.count, .label = all.label};
    const bool small = all.bytes() <= small_bytes();
    begin(call, small ? bytes_of(all) : std::span<const std::byte>{}, &all);
    if (small) return reduce_payloads(mine, rank() * mine.count, reduction);
    reduce_large(call, all, reduction);
    copy_bytes(element(mine, 0), element(all, rank() * mine.count), mine.bytes());
  });
}

void MultiHostGroup::all_gather(Region mine, Region all, Stream& stream) {
  enqueue(stream, [this, mine, all] {
    check_gather("all_gather", mine, all);
    const Call call{.operation = Operation::all_gather, .dtype = mine.dtype, .count = mine.count,
                    .label = mine.label};
    const std::int64_t bytes = mine.bytes();
    const auto slot = [&](int other) { return element(all, other * mine.count); };
    if (bytes <= small_bytes()) {
      begin(call, bytes_of(mine));
      for (int other = 0; other < size(); ++other) copy_bytes(slot(other), payload(other), bytes);
      return;
    }
    begin(call, {}, &all);
    copy_bytes(slot(rank()), element(mine, 0), bytes);
    // Each piece goes to one rank of every other host, the ranks of a host taking turns; then round the host.
    Requests requests;
    std::vector<Piece> pieces;
    for (int other = 0; other < size(); ++other) {
      const int host = layout_.host_of[static_cast<std::size_t>(other)];
      const auto& there = layout_.members[static_cast<std::size_t>(host)];
      const int index = static_cast<int>(std::find(there.begin(), there.end(), other) - there.begin());
      const int owner = index % team().size();
      pieces.push_back({.owner = owner, .offset = other * bytes, .bytes = bytes});
      if (host != layout_.mine && owner == team().me())
        wire_.receive(requests, layout_.ranks[static_cast<std::size_t>(other)], Wire::direct, slot(other), bytes);
    }
    for (int host = 0; host < layout_.hosts(); ++host)
      if (host != layout_.mine)
        wire_.send(requests, layout_.world_rank(host, team().me() % layout_.member_count(host)), Wire::direct,
                   slot(rank()), bytes);
    wire_.wait(requests, call);
    spread(all, pieces);
  });
}

void MultiHostGroup::spread(const Region& region, const std::vector<Piece>& pieces) {
  if (team().size() == 1) return;
  if (!team().direct()) return spread_by_stages(region, pieces);
  await_workers();
  for (const Piece& piece : pieces)
    copy_bytes(element(region, 0) + piece.offset, team().reach(piece.owner) + piece.offset, piece.bytes);
  await_workers();
}

// Each owner's pieces, end to end, pass through its stage.
void MultiHostGroup::spread_by_stages(const Region& region, const std::vector<Piece>& pieces) {
  std::vector<std::int64_t> totals(static_cast<std::size_t>(team().size()));
  for (const Piece& piece : pieces) totals[static_cast<std::size_t>(piece.owner)] += piece.bytes;
  // Calls move(owner, place in the stage, place in the region, bytes) for what round `round` carries.
  const auto for_round = [&](std::int64_t round, const auto& move) {
    std::vector<std::int64_t> ends(totals.size());
    for (const Piece& piece : pieces) {
      std::int64_t& end = ends[static_cast<std::size_t>(piece.owner)];
      const std::int64_t begin = std::exchange(end, end + piece.bytes);
      const std::int64_t from = std::max(begin, round * Team::stage_bytes);
      const std::int64_t to = std::min(end, (round + 1) * Team::stage_bytes);
      if (from < to)
        move(piece.owner, from - round * Team::stage_bytes, element(region, 0) + piece.offset + from - begin, to - from);
    }
  };
  const std::int64_t longest = *std::max_element(totals.begin(), totals.end());
  team().set_grace(grace);
  through_stages(
      team(), pieces_of(longest, Team::stage_bytes),
      [&](std::int64_t round, std::int64_t place) {
        for_round(round, [&](int owner, std::int64_t at, std::byte* memory, std::int64_t bytes) {
          if (owner == team().me()) copy_to_stage(team().stage(owner, place) + at, memory, bytes);
        });
      },
      [&](std::int64_t round, std::int64_t place) {
        for_round(round, [&](int owner, std::int64_t at, std::byte* memory, std::int64_t bytes) {
          if (owner != team().me()) copy_bytes(memory, team().stage(owner, place) + at, bytes);
        });
      });
}

void MultiHostGroup::broadcast(Region in_out, int root, Stream& stream) {
  enqueue(stream, [this, in_out, root] {
    if (root < 0 || root >= size()) fail("broadcast", "expected a root among", size(), "ranks, found", root);
    const Call call{.operation = Operation::broadcast, .dtype = in_out.dtype, .root = root, .count = in_out.count,
                    .label = in_out.label};
    if (in_out.bytes() <= small_bytes()) {
      begin(call, bytes_of(in_out));
      return copy_bytes(element(in_out, 0), payload(root), in_out.bytes());
    }
    begin(call, {}, &in_out);
    broadcast_between_hosts(in_out, root);
    const int host = layout_.host_of[static_cast<std::size_t>(root)];
    const auto& here = layout_.here();
    const int owner = host == layout_.mine ? static_cast<int>(std::find(here.begin(), here.end(), root) - here.begin())
                                           : 0;
    spread(in_out, {{.owner = owner, .offset = 0, .bytes = in_out.bytes()}});
  });
}

// From the root to the first rank of every other host, passed on from host to host while it comes in.
void MultiHostGroup::broadcast_between_hosts(const Region& in_out, int root) {
  const int root_host = layout_.host_of[static_cast<std::size_t>(root)];
  const int place = (layout_.mine - root_host + layout_.hosts()) % layout_.hosts();
  if (place == 0 ? rank() != root : !leads()) return;
  const auto worker = [&](int at) {
    return at == 0 ? layout_.ranks[static_cast<std::size_t>(root)]
                   : layout_.world_rank((root_host + at) % layout_.hosts(), 0);
  };
  const std::int64_t chunks = pieces_of(in_out.bytes(), relay_bytes);
  const auto length = [&](std::int64_t chunk) { return std::min(relay_bytes, in_out.bytes() - chunk * relay_bytes); };
  const auto memory = [&](std::int64_t chunk) { return element(in_out, 0) + chunk * relay_bytes; };
  std::vector<Requests> coming(static_cast<std::size_t>(chunks));
  Requests going;
  if (place > 0)
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      wire_.receive(coming[static_cast<std::size_t>(chunk)], worker(place - 1), Wire::direct, memory(chunk),
                    length(chunk));
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    wire_.wait(coming[static_cast<std::size_t>(chunk)], team().call());
    if (place + 1 < layout_.hosts()) wire_.send(going, worker(place + 1), Wire::direct, memory(chunk), length(chunk));
  }
  wire_.wait(going, team().call());
}

void MultiHostGroup::all_to_all(Region in, Region out, Stream& stream) {
  enqueue(stream, [this, in, out] {
    check_exchange(in, out);
    const Call call{.operation = Operation::all_to_all, .dtype = in.dtype, .count = in.count, .label = in.label};
    begin(call);
    const std::int64_t bytes = in.bytes() / size();
    Requests requests;
    for (int step = 1; step < size(); ++step) {
      const int from = (rank() + size() - step) % size();
      const int to = (rank() + step) % size();
      wire_.receive(requests, layout_.ranks[static_cast<std::size_t>(from)], Wire::direct,
                    element(out, 0) + from * bytes, bytes);
      wire_.send(requests, layout_.ranks[static_cast<std::size_t>(to)], Wire::direct, element(in, 0) + to * bytes,
                 bytes);
    }
    copy_bytes(element(out, 0) + rank() * bytes, element(in, 0) + rank() * bytes, bytes);
    wire_.wait(requests, call);
  });
}

void MultiHostGroup::send(Region data, int to, Stream& stream) {
  enqueue(stream, [this, data, to] {
    check_peer("send", to);
    const auto& here = layout_.here();
    if (layout_.host_of[static_cast<std::size_t>(to)] == layout_.mine)
      return collectives::send(team(), data, static_cast<int>(std::find(here.begin(), here.end(), to) - here.begin()));
    const Call call{.operation = Operation::send, .dtype = data.dtype, .root = to, .count = data.count,
                    .label = data.label};
    const Header header({.operation = Operation::send, .dtype = data.dtype, .count = data.count}, false);
    const int rank_there = layout_.ranks[static_cast<std::size_t>(to)];
    Requests requests;
    wire_.send(requests, rank_there, Wire::direct, &header, sizeof header);
    wire_.send(requests, rank_there, Wire::direct, data.data, data.bytes());
    wire_.wait(requests, call);
  });
}

void MultiHostGroup::recv(Region data, int from, Stream& stream) {
  enqueue(stream, [this, data, from] {
    check_peer("recv", from);
    const auto& here = layout_.here();
    if (layout_.host_of[static_cast<std::size_t>(from)] == layout_.mine)
      return collectives::recv(team(), data,
                               static_cast<int>(std::find(here.begin(), here.end(), from) - here.begin()));
    const Call call{.operation = Operation::recv, .dtype = data.dtype, .root = from, .count = data.count,
                    .label = data.label};
    const Header expected({.operation = Operation::send, .dtype = data.dtype, .count = data.count}, false);
    const int rank_there = layout_.ranks[static_cast<std::size_t>(from)];
    Header header;
    Requests requests;
    wire_.receive(requests, rank_there, Wire::direct, &header, sizeof header);
    wire_.wait(requests, call);
    if (header.signature != expected.signature) {
      const Call sent = Call::unpack(header.signature);
      fail("recv", team().family().self().name(), "expects", data.count, data.dtype, "from",
           team().family().person(rank_there).name() + ",", "which sent", sent.count, sent.dtype, "in group '" +
           team().group() + "'");
    }
    wire_.receive(requests, rank_there, Wire::direct, data.data, data.bytes());
    wire_.wait(requests, call);
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
