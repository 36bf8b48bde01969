// What all groups of one rank have in common, because they descend from one start: who the ranks are, how memory is
// shared, which windows exist, and the failure that ends them all.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/host/memory.h"
#include "collectives/host/window.h"
#include "runtime/base/error.h"

namespace trireme::collectives {

// One rank of the world.
struct Person {
  int rank = 0;
  std::string host;
  std::int64_t process = 0;  // 0: a thread of this process
  int domain = 0;            // ranks of equal domains share memory

  std::string name() const;  // "rank 3 on host b"
};

// In memory that all ranks of a host share: the first failure among all ranks, zero when there is none.
class FailureBoard {
 public:
  // Keeps the first text only; true when this was it.
  bool publish(std::string_view text) noexcept;
  bool raised() const noexcept { return state_.load(std::memory_order_acquire) == written; }
  std::string text() const;  // empty until raised()

 private:
  static constexpr std::uint32_t written = 2;
  static constexpr std::size_t capacity = 4000;

  std::atomic<std::uint32_t> state_{0};
  std::atomic<std::uint32_t> length_{0};
  char text_[capacity] = {};
};

// How long a wait spins before it yields: briefly where ranks outnumber cores, since the awaited one may need this
// core.
constexpr int spins_for(int ranks, int cores) {
  return ranks <= cores ? 2000 : 50;
}

class Family {
 public:
  struct Parts {
    int rank = 0;  // of this rank in the world
    std::vector<Person> persons;
    Sharing sharing = Sharing::among_threads();
    std::shared_ptr<Memory> failure_memory;  // at least failure_bytes, shared by the ranks of this host
    double deadline = 300.0;
    int spins = 2000;
    bool one_address_space = false;  // every rank can reach any memory of every other
  };
  static constexpr std::int64_t failure_bytes = 4096;
  explicit Family(Parts parts);

  const Person& self() const { return person(parts_.rank); }
  const Person& person(int rank) const { return parts_.persons[static_cast<std::size_t>(rank)]; }
  const Sharing& sharing() const noexcept { return parts_.sharing; }
  Windows& windows() noexcept { return windows_; }
  // Where the other ranks of the host find this memory.
  Place place_of(const void* data, std::int64_t bytes) const;
  double deadline() const noexcept { return parts_.deadline; }
  int spins() const noexcept { return parts_.spins; }

  // Records that this rank has failed, for the ranks of this host and, through `tell`, for those of others.
  // Whether it is this rank that the others will quote: false where another has failed before.
  bool fail_with(std::string_view reason) noexcept;
  // Throws `error`, or PeerFailed where another rank has said as much a moment ago: one message for one trouble.
  [[noreturn]] void end_wait(const TimedOut& error, std::string_view where, const std::function<std::string()>& status);
  // Throws PeerFailed when a rank has failed. Slow waits call it now and then; `status` says, to ranks of other hosts
  // that ask, what this rank waits for.
  void check(std::string_view where, const std::function<std::string()>& status);
  // A group's number; agreed on by the ranks that split it, as the largest proposal of all.
  std::uint32_t propose_number() const noexcept { return next_number_; }
  void number_taken(std::uint32_t number) noexcept { next_number_ = number + 1; }

  // Between hosts: news and questions from other hosts are fetched by `listen`, a failure is sent to them by `tell`.
  // Empty on one host.
  std::function<void(const std::function<std::string()>& status)> listen;
  std::function<void(std::string_view)> tell;
  FailureBoard& failure() const noexcept { return *failure_; }

 private:
  Parts parts_;
  FailureBoard* failure_;
  Windows windows_;
  std::atomic<std::uint32_t> next_number_{1};
  std::atomic<bool> spoke_ = false;  // this rank was the first to fail
};

}  // namespace trireme::collectives
