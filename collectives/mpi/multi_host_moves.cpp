// The operations between hosts that move data without adding.
#include <algorithm>
#include <utility>

#include "collectives/group/checks.h"
#include "collectives/host/exchange.h"
#include "collectives/host/stages.h"
#include "collectives/mpi/header.h"
#include "collectives/mpi/multi_host_group.h"
#include "runtime/base/error.h"

namespace trireme::collectives {
namespace {

constexpr std::int64_t relay_bytes = 1 << 20;  // what a host passes on while the next part comes in

}  // namespace

void MultiHostGroup::all_gather(Region mine, Region all, Stream& stream) {
  enqueue(stream, [this, mine, all] {
    check_parts(*this, "all_gather", mine, all);
    const Call call{.operation = Operation::all_gather, .dtype = mine.dtype, .count = mine.count, .label = mine.label};
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
      const int owner = layout_.member(other) % team().size();
      pieces.push_back({.owner = owner, .offset = other * bytes, .bytes = bytes});
      if (!layout_.is_here(other) && owner == team().me())
        wire_.receive(requests, layout_.world(other), Wire::direct, slot(other), bytes);
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
        move(piece.owner, from - round * Team::stage_bytes, element(region, 0) + piece.offset + from - begin,
             to - from);
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
    check_root(*this, root);
    const Call call{.operation = Operation::broadcast,
                    .dtype = in_out.dtype,
                    .root = root,
                    .count = in_out.count,
                    .label = in_out.label};
    if (in_out.bytes() <= small_bytes()) {
      begin(call, bytes_of(in_out));
      return copy_bytes(element(in_out, 0), payload(root), in_out.bytes());
    }
    begin(call, {}, &in_out);
    broadcast_between_hosts(in_out, root);
    const int owner = layout_.is_here(root) ? layout_.member(root) : 0;
    spread(in_out, {{.owner = owner, .offset = 0, .bytes = in_out.bytes()}});
  });
}

// From the root to the first rank of every other host, passed on from host to host while it comes in.
void MultiHostGroup::broadcast_between_hosts(const Region& in_out, int root) {
  const int root_host = layout_.host(root);
  const int place = (layout_.mine - root_host + layout_.hosts()) % layout_.hosts();
  if (place == 0 ? rank() != root : !leads()) return;
  const auto worker = [&](int at) {
    return at == 0 ? layout_.world(root) : layout_.world_rank((root_host + at) % layout_.hosts(), 0);
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
    check_exchange(*this, in, out);
    const Call call{.operation = Operation::all_to_all, .dtype = in.dtype, .count = in.count, .label = in.label};
    begin(call);
    const std::int64_t bytes = in.bytes() / size();
    Requests requests;
    for (int step = 1; step < size(); ++step) {
      const int from = (rank() + size() - step) % size();
      const int to = (rank() + step) % size();
      wire_.receive(requests, layout_.world(from), Wire::direct, element(out, 0) + from * bytes, bytes);
      wire_.send(requests, layout_.world(to), Wire::direct, element(in, 0) + to * bytes, bytes);
    }
    copy_bytes(element(out, 0) + rank() * bytes, element(in, 0) + rank() * bytes, bytes);
    wire_.wait(requests, call);
  });
}

void MultiHostGroup::send(Region data, int to, Stream& stream) {
  enqueue(stream, [this, data, to] {
    check_peer(*this, "send", to);
    if (layout_.is_here(to)) return collectives::send(team(), data, layout_.member(to));
    const Call call{
        .operation = Operation::send, .dtype = data.dtype, .root = to, .count = data.count, .label = data.label};
    const Header header({.operation = Operation::send, .dtype = data.dtype, .count = data.count}, false);
    const int rank_there = layout_.world(to);
    Requests requests;
    wire_.send(requests, rank_there, Wire::direct, &header, sizeof header);
    wire_.send(requests, rank_there, Wire::direct, data.data, data.bytes());
    wire_.wait(requests, call);
  });
}

void MultiHostGroup::recv(Region data, int from, Stream& stream) {
  enqueue(stream, [this, data, from] {
    check_peer(*this, "recv", from);
    if (layout_.is_here(from)) return collectives::recv(team(), data, layout_.member(from));
    const Call call{
        .operation = Operation::recv, .dtype = data.dtype, .root = from, .count = data.count, .label = data.label};
    const Header expected({.operation = Operation::send, .dtype = data.dtype, .count = data.count}, false);
    const int rank_there = layout_.world(from);
    Header header;
    Requests requests;
    wire_.receive(requests, rank_there, Wire::direct, &header, sizeof header);
    wire_.wait(requests, call);
    if (header.signature != expected.signature) {
      const Call sent = Call::unpack(header.signature);
      fail("recv", team().family().self().name(), "expects", data.count, data.dtype, "from",
           team().family().person(rank_there).name() + ",", "which sent", sent.count, sent.dtype,
           "in group '" + team().group() + "'");
    }
    wire_.receive(requests, rank_there, Wire::direct, data.data, data.bytes());
    wire_.wait(requests, call);
  });
}

}  // namespace trireme::collectives
