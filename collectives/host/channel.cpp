#include <algorithm>

#include "collectives/host/exchange.h"
#include "collectives/host/stages.h"

namespace trireme::collectives {
namespace {

// What sender and receiver must agree on.
std::uint64_t signature_of(const Region& data) {
  return Call{.operation = Operation::send, .dtype = data.dtype, .count = data.count}.signature();
}

std::int64_t chunks_of(const Region& data) {
  return std::max<std::int64_t>(1, pieces_of(data.bytes(), Channel::chunk_bytes));
}

std::int64_t length_of(const Region& data, std::int64_t chunk) {
  return std::min(Channel::chunk_bytes, data.bytes() - chunk * Channel::chunk_bytes);
}

}  // namespace

void send(Team& team, const Region& data, int to) {
  const Call call{
      .operation = Operation::send, .dtype = data.dtype, .root = to, .count = data.count, .label = data.label};
  Channel& channel = team.channel(team.me(), to);
  std::uint64_t written = channel.written.read();
  for (std::int64_t chunk = 0; chunk < chunks_of(data); ++chunk) {
    if (written >= Channel::chunks) team.await(channel.read, written + 1 - Channel::chunks, to, call);
    const std::size_t place = written % Channel::chunks;
    channel.signature[place].store(signature_of(data), std::memory_order_relaxed);
    copy_to_stage(channel.data[place], static_cast<std::byte*>(data.data) + chunk * Channel::chunk_bytes,
                  length_of(data, chunk));
    channel.written.raise(++written);
  }
  channel.sent.fetch_add(1, std::memory_order_relaxed);
}

void recv(Team& team, const Region& data, int from) {
  const Call call{
      .operation = Operation::recv, .dtype = data.dtype, .root = from, .count = data.count, .label = data.label};
  Channel& channel = team.channel(from, team.me());
  std::uint64_t read = channel.read.read();
  for (std::int64_t chunk = 0; chunk < chunks_of(data); ++chunk) {
    team.await(channel.written, read + 1, from, call);
    const std::size_t place = read % Channel::chunks;
    const std::uint64_t signature = channel.signature[place].load(std::memory_order_relaxed);
    if (signature != signature_of(data)) {
      const Call sent = Call::unpack(signature);
      fail("recv", team.family().self().name(), "expects", data.count, data.dtype, "from",
           team.person(from).name() + ",", "which sent", sent.count, sent.dtype, "in group '" + team.group() + "'");
    }
    copy_bytes(static_cast<std::byte*>(data.data) + chunk * Channel::chunk_bytes, channel.data[place],
               length_of(data, chunk));
    channel.read.raise(++read);
  }
  channel.received.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace trireme::collectives
