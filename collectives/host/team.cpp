#include "collectives/host/team.h"

#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace trireme::collectives {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto yielding = std::chrono::microseconds(100);
constexpr int sleep_milliseconds = 50;
constexpr std::int64_t page = 4096;

bool is_message(const Call& call) {
  return call.operation == Operation::send || call.operation == Operation::recv;
}

std::string messages(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " message" : " messages");
}

constexpr std::int64_t whole_pages(std::int64_t bytes) {
  return (bytes + page - 1) / page * page;
}

}  // namespace

void CallRecord::write(const Call& call, const Place& place) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  window_.store(place.window, relaxed);
  offset_.store(place.offset, relaxed);
  std::array<std::uint64_t, label_words> words{};
  call.label.copy(reinterpret_cast<char*>(words.data()), sizeof words - 1);
  for (std::size_t word = 0; word < label_words; ++word) label_[word].store(words[word], relaxed);
}

Place CallRecord::place() const noexcept {
  return {.window = window_.load(std::memory_order_relaxed), .offset = offset_.load(std::memory_order_relaxed)};
}

std::string CallRecord::label() const {
  std::array<std::uint64_t, label_words> words{};
  for (std::size_t word = 0; word < label_words; ++word) words[word] = label_[word].load(std::memory_order_relaxed);
  std::array<char, sizeof words> text{};
  std::memcpy(text.data(), words.data(), sizeof words);
  text.back() = '\0';
  return text.data();
}

std::int64_t Team::bytes(int members) {
  require(members <= max_members, "ranks", "expected at most", max_members, "ranks on one host, found", members);
  const std::int64_t count = members;
  return whole_pages(count * static_cast<std::int64_t>(sizeof(Slot))) + count * stage_pieces * stage_bytes +
         count * count * static_cast<std::int64_t>(sizeof(Channel));
}

Team::Team(Parts parts) : parts_(std::move(parts)), slots_(reinterpret_cast<Slot*>(parts_.memory->base())) {}

Team::~Team() {
  Slot& own = slot(me());
  own.left.store(1, std::memory_order_release);
  own.progress.raise(own.progress.read());  // wakes those who sleep
}

std::byte* Team::stage(int member, std::int64_t piece) const noexcept {
  const std::int64_t slots = whole_pages(size() * static_cast<std::int64_t>(sizeof(Slot)));
  return parts_.memory->base() + slots + (member * stage_pieces + piece) * stage_bytes;
}

Channel& Team::channel(int from, int to) const noexcept {
  auto* first = reinterpret_cast<Channel*>(stage(size(), 0));
  return first[static_cast<std::int64_t>(from) * size() + to];
}

void Team::begin(const Call& call, std::span<const std::byte> payload, const Place& place) {
  call_ = call;
  ++sequence_;
  phase_ = 0;
  Slot& own = slot(me());
  const std::size_t parity = sequence_ & 1;
  const std::uint64_t signature = call.signature();
  payload_bytes_ = static_cast<std::int64_t>(payload.size());
  std::byte* published = payload.size() <= sizeof own.tiny[parity] ? own.tiny[parity] : own.small[parity];
  if (!payload.empty()) std::memcpy(published, payload.data(), payload.size());
  own.signature[parity].store(signature, std::memory_order_relaxed);
  own.record[parity].write(call, place);
  own.progress.raise(ticket());
  if (family().failure().raised()) family().check(name_of(call.operation), [&] { return "at " + describe(call_); });
  for (int step = 1; step < size(); ++step) {
    const int member = (me() + step) % size();
    await(slot(member).progress, ticket(), member, call_);
    if (slot(member).signature[parity].load(std::memory_order_relaxed) != signature) mismatch(member);
  }
}

const std::byte* Team::payload(int member) const noexcept {
  const Slot& published = slot(member);
  const std::size_t parity = sequence_ & 1;
  return payload_bytes_ <= static_cast<std::int64_t>(sizeof published.tiny[parity]) ? published.tiny[parity]
                                                                                    : published.small[parity];
}

bool Team::direct() {
  const std::uint64_t number = place(me()).window;
  if (number == 0) return false;
  for (int member = 0; member < size(); ++member)
    if (place(member).window != number) return false;
  window_ = number == Place::everywhere ? nullptr : family().windows().get(number);
  return true;
}

bool Team::placeless() const noexcept {
  for (int member = 0; member < size(); ++member)
    if (place(member).window != 0) return false;
  return true;
}

std::byte* Team::reach(int member) const {
  const Place there = place(member);
  if (!window_) return reinterpret_cast<std::byte*>(static_cast<std::intptr_t>(there.offset));
  return window_->part(window_->part_of[static_cast<std::size_t>(rank_of(member))]) + there.offset;
}

void Team::arrive() noexcept {
  ++phase_;
  slot(me()).progress.raise(ticket());
}

void Team::await_all() {
  for (int step = 1; step < size(); ++step) {
    const int member = (me() + step) % size();
    await(slot(member).progress, ticket(), member, call_);
  }
}

void Team::await(Signal& signal, std::uint64_t target, int member, const Call& call) {
  if (!signal.spin(target, family().spins())) await_slowly(signal, target, member, call);
}

void Team::await_slowly(Signal& signal, std::uint64_t target, int member, const Call& call) {
  const auto start = Clock::now();
  do {  // beside other work one yield may last longer than all of these should
    ::sched_yield();
    if (signal.read() >= target) return;
  } while (Clock::now() - start < yielding);
  while (!signal.sleep(target, sleep_milliseconds)) {
    check(signal, target, member, call);
    if (std::chrono::duration<double>(Clock::now() - start).count() > family().deadline() + grace_)
      expire(signal, target, member, call);
  }
}

void Team::expire(Signal& signal, std::uint64_t target, int member, const Call& call) {
  try {
    fail<TimedOut>(name_of(call.operation), family().self().name(), "waited", family().deadline(), "s in",
                   waiting_in(call, member) + "; not arrived:", missing(signal, target, member, call),
                   "- look there first; if the ranks are only slow, raise the deadline");
  } catch (const TimedOut& error) {
    family().end_wait(error, name_of(call.operation), [&] { return "waiting in " + waiting_in(call, member); });
  }
}

// Whether there is still hope; throws when there is none.
void Team::check(Signal& signal, std::uint64_t target, int member, const Call& call) {
  const auto status = [&] {
    return "waiting in " + waiting_in(call, member) + "; not arrived: " + missing(signal, target, member, call);
  };
  family().check(name_of(call.operation), status);
  const bool left = slot(member).left.load(std::memory_order_acquire) != 0;
  const bool dead =
      person(member).process != 0 && ::kill(static_cast<pid_t>(person(member).process), 0) != 0 && errno == ESRCH;
  if ((!left && !dead) || signal.read() >= target) return;
  family().check(name_of(call.operation), status);
  fail(name_of(call.operation), family().self().name(), "waits in", waiting_in(call, member) + ", but",
       person(member).name(), left ? "has left the group" : "has died", "after", progress_of(member, call));
}

std::string Team::describe(const Call& call) const {
  const std::string where = "group '" + group() + "', " + call.describe();
  return is_message(call) ? where : "call " + std::to_string(sequence_) + " of " + where;
}

std::string Team::waiting_in(const Call& call, int member) const {
  if (!is_message(call)) return describe(call);
  const bool sends = call.operation == Operation::send;
  const std::uint64_t before = sends ? channel(me(), member).sent.load(std::memory_order_relaxed)
                                     : channel(member, me()).received.load(std::memory_order_relaxed);
  return "message " + std::to_string(before + 1) + " of " + describe(call);
}

std::string Team::progress_of(int member, const Call& call) const {
  if (!is_message(call)) return last_seen(member);
  if (call.operation == Operation::recv)
    return messages(channel(member, me()).sent.load(std::memory_order_relaxed)) + " sent";
  return messages(channel(me(), member).received.load(std::memory_order_relaxed)) + " received";
}

std::string Team::last_seen(int member) const {
  const std::uint64_t at = slot(member).progress.read() >> 24;
  if (at == 0) return "no call yet";
  Call call = Call::unpack(slot(member).signature[at & 1].load(std::memory_order_relaxed));
  const std::string label = slot(member).record[at & 1].label();
  call.label = label;
  return "call " + std::to_string(at) + ", " + call.describe();
}

std::string Team::missing(const Signal& signal, std::uint64_t target, int member, const Call& call) const {
  std::string names;
  const bool one = &signal != &slot(member).progress;
  for (int other = 0; other < size(); ++other)
    if (one ? other == member : slot(other).progress.read() < target)
      names += (names.empty() ? "" : "; ") + person(other).name() + (is_message(call) ? " (" : " (last seen in ") +
               progress_of(other, call) + ')';
  return names;
}

void Team::mismatch(int member) {
  const std::size_t parity = sequence_ & 1;
  Call other = Call::unpack(slot(member).signature[parity].load(std::memory_order_relaxed));
  const std::string label = slot(member).record[parity].label();
  other.label = label;
  fail(name_of(call_.operation), "ranks disagree in call", sequence_,
       "of group '" + group() + "':", family().self().name(), "calls", call_.describe() + ",", person(member).name(),
       "calls", other.describe() + "; every rank must make the same calls in the same order");
}

}  // namespace trireme::collectives
