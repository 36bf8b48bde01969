// Seam 3, the group: bytes between ranks, without knowing what they mean.
// Backends: threads (ranks as threads of one process), mpi, dry (moves nothing, records), nccl.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/dtype.h"
#include "runtime/base/error.h"
#include "runtime/device/device.h"

namespace trireme {

enum class Reduction : std::uint8_t { sum, max, min };
std::string_view name_of(Reduction reduction);

// What the waits of a rank throw after another rank has failed: that rank's message, quoted, is the one to report.
class PeerFailed : public Error {
 public:
  using Error::Error;
};

// A contiguous range of elements on the group's device. `label` names it in messages ("gradient bucket 3: h.5 ...
// h.3").
struct Region {
  void* data = nullptr;
  std::int64_t count = 0;  // elements
  DType dtype = DType::f32;
  std::string_view label = {};  // must outlive the operation

  std::int64_t bytes() const { return count * size_of(dtype); }
};

// Rules for every backend:
//  - every rank of the group makes the same calls in the same order; an operation is enqueued on `stream` and done when
//    the stream is; one group is used on one stream at a time (split a second group for a second stream);
//  - every dtype can be moved; u16 cannot be reduced. Results have the same bits on every rank, and on every run of the
//    same job on the same machines;
//  - where sums_in_rank_order(), sums are taken in rank order, in fp32 for 16-bit types and rounded once: the same bits
//  on
//    every such transport and any placement of ranks. Where not (NCCL), the transport has an order of its own and may
//    round 16-bit sums at every addition;
//  - send() may wait until the receiver has come: two ranks that both send first may wait for each other;
//  - a wait longer than the deadline throws an Error that names this rank and host, the operation, its label and
//    sequence number, and the ranks that have not arrived, as far as the transport knows them. Ranks that call
//    different operations get an Error that names both calls, or under NCCL wait until the deadline. After an error the
//    group, and every group made from the same start, is unusable on all ranks.
class Group {
 public:
  virtual ~Group() = default;

  virtual int rank() const noexcept = 0;
  virtual int size() const noexcept = 0;
  virtual std::string_view name() const noexcept = 0;       // "world", "data", ...
  virtual std::string_view transport() const noexcept = 0;  // "threads", "mpi", "dry", "nccl"

  // Whether its operations can be part of a captured step: they enqueue device work and nothing on the host.
  virtual bool capturable() const noexcept { return false; }
  // Whether its sums have the bits of a sum in rank order: those of one rank after the other.
  virtual bool sums_in_rank_order() const noexcept { return true; }

  // Memory that this group reduces fastest (a shared window, registered memory), counted by `device`. Collective, as is
  // split(); both want the group's stream to be idle.
  virtual std::shared_ptr<Storage> allocate(Device& device, std::int64_t bytes, MemoryKind kind) = 0;
  // Ranks with equal `color` form a new group, ordered by `order`, then by rank. Collective; a rank splits one group
  // after the other, never two at once from different threads.
  virtual std::unique_ptr<Group> split(int color, int order, std::string name) = 0;

  virtual void all_reduce(Region in_out, Reduction reduction, Stream& stream) = 0;
  // all.count == size * mine.count; `mine` may be this rank's slice of `all`.
  virtual void all_gather(Region mine, Region all, Stream& stream) = 0;
  virtual void reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) = 0;  // `all` is clobbered
  virtual void broadcast(Region in_out, int root, Stream& stream) = 0;
  // Piece r of `in` goes to rank r; counts equal and divisible by size; `in` and `out` do not overlap.
  virtual void all_to_all(Region in, Region out, Stream& stream) = 0;
  virtual void send(Region data, int to, Stream& stream) = 0;
  virtual void recv(Region data, int from, Stream& stream) = 0;
  virtual void barrier(Stream& stream) = 0;

  // Throws PeerFailed once another rank has failed; otherwise returns at once. For waits outside the group's
  // operations.
  virtual void check() {}
  // Tells every rank that this one has failed: their waits throw PeerFailed, within a second, quoting `reason`.
  virtual void abort(std::string_view reason) noexcept = 0;
};

}  // namespace trireme
