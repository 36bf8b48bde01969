// The ranks of a group that share one host's memory, and how they keep step.
//
// Every member has a slot that it alone writes. A call begins with all members publishing its signature and raising
// their progress; each waits for all others and compares: this finds missing ranks and mismatched calls before any
// data moves. A ticket is (call << 24 | phase), so progress only grows. What is published with a call is kept in two
// copies, by the call's parity: a member can be at most one call ahead of those that still read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collectives/group/call.h"
#include "collectives/host/family.h"
#include "collectives/host/signal.h"
#include "collectives/host/window.h"

namespace trireme::collectives {

// A call as published: a few words, each of which can be read while it is being written.
class CallRecord {
 public:
  void write(const Call& call, const Place& place) noexcept;
  Place place() const noexcept;
  std::string label() const;

 private:
  static constexpr std::size_t label_words = 8;
  std::atomic<std::uint64_t> window_{0};
  std::atomic<std::int64_t> offset_{0};
  std::array<std::atomic<std::uint64_t>, label_words> label_{};
};

// Messages from one member to another: a ring of two chunks.
struct Channel {
  static constexpr std::int64_t chunk_bytes = 128 << 10;
  static constexpr std::uint64_t chunks = 2;

  alignas(64) Signal written;                                // chunks, by the sender
  alignas(64) Signal read;                                   // chunks, by the receiver
  alignas(64) std::atomic<std::uint64_t> signature[chunks];  // of the message that the chunk belongs to
  std::atomic<std::uint64_t> sent, received;                 // whole messages, for people
  alignas(64) std::byte data[chunks][chunk_bytes];
};

class Team {
 public:
  static constexpr std::int64_t small_bytes = 8 << 10;    // published with the call itself
  static constexpr std::int64_t stage_bytes = 512 << 10;  // one piece of a member's stage
  static constexpr int stage_pieces = 3;
  static constexpr int max_members = 1024;

  struct Parts {
    std::shared_ptr<Family> family;
    std::shared_ptr<Memory> memory;  // bytes(members), zeroed
    std::vector<int> ranks;          // the members' ranks in the world
    int me = 0;                      // index of this rank among them
    std::string group;
    std::uint32_t number = 0;  // of the group, see Family::propose_number
  };
  static std::int64_t bytes(int members);
  explicit Team(Parts parts);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();  // others that still wait for this rank are told that it has left

  int me() const noexcept { return parts_.me; }
  int size() const noexcept { return static_cast<int>(parts_.ranks.size()); }
  Family& family() const noexcept { return *parts_.family; }
  const std::shared_ptr<Family>& shared_family() const noexcept { return parts_.family; }
  const Person& person(int member) const { return family().person(parts_.ranks[static_cast<std::size_t>(member)]); }
  int rank_of(int member) const { return parts_.ranks[static_cast<std::size_t>(member)]; }
  const std::string& group() const noexcept { return parts_.group; }
  std::uint32_t number() const noexcept { return parts_.number; }
  std::uint64_t sequence() const noexcept { return sequence_; }

  // Starts the next call: returns when every member has arrived with the same one. `payload` (at most small_bytes) and
  // `place` can then be read by all.
  void begin(const Call& call, std::span<const std::byte> payload = {}, const Place& place = {});
  const std::byte* payload(int member) const noexcept;
  // Whether all members' regions, by the places they published, can be worked on where they lie; then reach() gives
  // their addresses until the next call.
  bool direct();
  // Whether no member published a place.
  bool placeless() const noexcept;
  std::byte* reach(int member) const;

  // Further phases of the call: arrive() says that this member is done with its part, await_all() that all have.
  void arrive() noexcept;
  void await_all();
  void step() {
    arrive();
    await_all();
  }
  // Waits may take this many seconds more than the deadline: for members that wait for one that waits for another host,
  // since that one has the better message.
  void set_grace(double seconds) noexcept { grace_ = seconds; }

  // Piece `piece` of a member's stage, stage_bytes long.
  std::byte* stage(int member, std::int64_t piece) const noexcept;
  Channel& channel(int from, int to) const noexcept;
  // Waits for a signal that `member` raises, on behalf of `call`.
  void await(Signal& signal, std::uint64_t target, int member, const Call& call);

  const Call& call() const noexcept { return call_; }
  // "call 17 of group 'world', all_reduce sum of 8 f32"; of a message, which is no call of all: "group 'world', send
  // ..."
  std::string describe(const Call& call) const;
  // "call 17 of group 'world', barrier": how far a member has come.
  std::string last_seen(int member) const;

 private:
  struct Slot {
    alignas(64) Signal progress;
    std::array<std::atomic<std::uint64_t>, 2> signature{};
    std::byte tiny[2][16];
    alignas(64) std::atomic<std::uint32_t> left{0};
    alignas(64) std::array<CallRecord, 2> record{};
    alignas(64) std::byte small[2][small_bytes];
  };

  Slot& slot(int member) const noexcept { return slots_[member]; }
  Place place(int member) const noexcept { return slot(member).record[sequence_ & 1].place(); }
  std::uint64_t ticket() const noexcept { return sequence_ << 24 | phase_; }
  void await_slowly(Signal& signal, std::uint64_t target, int member, const Call& call);
  [[noreturn]] void expire(Signal& signal, std::uint64_t target, int member, const Call& call);
  void check(Signal& signal, std::uint64_t target, int member, const Call& call);
  std::string waiting_in(const Call& call, int member) const;
  // How far a member has come, as far as it concerns this call.
  std::string progress_of(int member, const Call& call) const;
  std::string missing(const Signal& signal, std::uint64_t target, int member, const Call& call) const;
  [[noreturn]] void mismatch(int member);

  Parts parts_;
  Slot* slots_;
  std::uint64_t sequence_ = 0;
  std::uint64_t phase_ = 0;
  std::int64_t payload_bytes_ = 0;
  double grace_ = 0.0;
  std::shared_ptr<const Window> window_;  // of the present call
  Call call_;
};

}  // namespace trireme::collectives
