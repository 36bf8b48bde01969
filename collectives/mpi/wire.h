// Messages between ranks of different hosts for one group: nonblocking MPI calls, polled under the group's deadline.
// Internal, since it shows mpi.h.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "collectives/host/team.h"
#include "collectives/mpi/link.h"

namespace trireme::collectives {

// A message under way; one that is dropped unfinished, after an error, is cancelled.
class Request {
 public:
  Request(std::shared_ptr<Link> link, MPI_Request request, int rank) noexcept
      : link_(std::move(link)), request_(request), rank_(rank) {}
  Request(Request&& other) noexcept
      : link_(std::move(other.link_)), request_(std::exchange(other.request_, MPI_REQUEST_NULL)), rank_(other.rank_) {}
  Request& operator=(Request&& other) noexcept {
    std::swap(link_, other.link_);
    std::swap(request_, other.request_);
    std::swap(rank_, other.rank_);
    return *this;
  }
  ~Request();

  bool done();
  int rank() const noexcept { return rank_; }

 private:
  std::shared_ptr<Link> link_;
  MPI_Request request_;
  int rank_;  // of the world
};
using Requests = std::vector<Request>;

class Wire {
 public:
  // What a message is for: messages of one kind between two ranks arrive in the order in which they were sent.
  enum Kind : int { header = 0, result = 1, direct = 2, first_stream = 16, kinds = 2048 };

  Wire(std::shared_ptr<Link> link, const Team& team);

  // Any number of bytes; `rank` is of the world. The memory stays in use until wait() has returned.
  void send(Requests& requests, int rank, int kind, const void* data, std::int64_t bytes) const;
  void receive(Requests& requests, int rank, int kind, void* data, std::int64_t bytes) const;
  // Polls until all have finished and empties `requests`. Throws at the deadline, naming the ranks that are missing and
  // what they say they wait for, and when any rank fails.
  void wait(Requests& requests, const Call& call) const;

  const std::shared_ptr<Link>& link() const noexcept { return link_; }

 private:
  int tag(int kind) const noexcept { return first_tag_ + kind; }
  [[noreturn]] void expire(const Requests& requests, const Call& call) const;

  std::shared_ptr<Link> link_;
  const Team& team_;
  int first_tag_;
};

}  // namespace trireme::collectives
