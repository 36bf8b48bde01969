// A group whose ranks lie on several hosts: shared memory within each, messages between them.
//
// Every call begins with all ranks of each host arriving at its team and the hosts' first ranks exchanging headers, so
// a missing rank or a mismatched call is found, wherever it is, before data moves. Small payloads travel with the
// headers and every rank reduces them itself, in rank order; large sums go along a chain (chain.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collectives/host/host_group.h"
#include "collectives/mpi/layout.h"
#include "collectives/mpi/wire.h"

namespace trireme::collectives {

class MultiHostGroup : public TeamGroup {
 public:
  MultiHostGroup(std::unique_ptr<Team> team, std::shared_ptr<Link> link, Layout layout);

  int rank() const noexcept override { return layout_.here()[static_cast<std::size_t>(team().me())]; }
  int size() const noexcept override { return layout_.size(); }
  std::unique_ptr<Group> split(int color, int order, std::string name) override;

  void all_reduce(Region in_out, Reduction reduction, Stream& stream) override;
  void all_gather(Region mine, Region all, Stream& stream) override;
  void reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) override;
  void broadcast(Region in_out, int root, Stream& stream) override;
  void all_to_all(Region in, Region out, Stream& stream) override;
  void send(Region data, int to, Stream& stream) override;
  void recv(Region data, int from, Stream& stream) override;
  void barrier(Stream& stream) override;

 private:
  // A range of a region, in bytes, that one member of the team already has.
  struct Piece {
    int owner = 0;
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
  };

  static constexpr double grace = 2.0;  // seconds, see Team::set_grace

  bool leads() const noexcept { return team().me() == 0; }
  // Payloads of up to this many bytes may go with a call.
  std::int64_t small_bytes() const noexcept;
  // Starts a call on all ranks; `payload`, of the same size on all, can then be read with payload().
  void begin(const Call& call, std::span<const std::byte> payload = {}, const Region* region = nullptr);
  void exchange_headers(const Call& call, std::int64_t payload_bytes, bool direct);
  const std::byte* payload(int rank) const noexcept;
  // Whether on every host the region given to begin() can be worked on where it lies.
  bool direct() const noexcept;
  void await_workers();

  void reduce_payloads(const Region& out, std::int64_t first, Reduction reduction);
  void reduce_large(const Call& call, const Region& in_out, Reduction reduction);
  // Gives all members of this host the pieces that some of them have.
  void spread(const Region& region, const std::vector<Piece>& pieces);
  void spread_by_stages(const Region& region, const std::vector<Piece>& pieces);
  void broadcast_between_hosts(const Region& in_out, int root);

  Wire wire_;
  Layout layout_;
  std::vector<std::byte> inbox_;
  std::vector<std::byte> outbox_;
  std::vector<std::byte> scratch_;  // of the chain
  std::int64_t payload_bytes_ = 0;
};

// The group of `team`'s kind for these ranks of the world: of one host or of several.
std::unique_ptr<Group> make_mpi_group(std::unique_ptr<Team> team, std::shared_ptr<Link> link, Layout layout);

}  // namespace trireme::collectives
