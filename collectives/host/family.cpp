#include "collectives/host/family.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "collectives/group/group.h"

namespace trireme::collectives {

std::string Person::name() const {
  return "rank " + std::to_string(rank) + " on host " + host;
}

bool FailureBoard::publish(std::string_view text) noexcept {
  std::uint32_t nobody = 0;
  if (!state_.compare_exchange_strong(nobody, 1)) return false;
  const std::size_t length = std::min(text.size(), capacity);
  std::memcpy(text_, text.data(), length);
  length_.store(static_cast<std::uint32_t>(length), std::memory_order_relaxed);
  state_.store(written, std::memory_order_release);
  return true;
}

std::string FailureBoard::text() const {
  return raised() ? std::string(text_, length_.load(std::memory_order_relaxed)) : std::string();
}

Family::Family(Parts parts)
    : parts_(std::move(parts)), failure_(reinterpret_cast<FailureBoard*>(parts_.failure_memory->base())) {
  static_assert(sizeof(FailureBoard) <= failure_bytes);
}

Place Family::place_of(const void* data, std::int64_t bytes) const {
  if (parts_.one_address_space) return {.window = Place::everywhere, .offset = reinterpret_cast<std::intptr_t>(data)};
  return windows_.find(data, bytes);
}

bool Family::fail_with(std::string_view reason) noexcept {
  try {
    const std::string text = self().name() + " failed: " + std::string(reason);
    if (failure_->publish(text)) {
      spoke_ = true;
      if (tell) tell(text);
    }
    return spoke_;
  } catch (...) {  // out of memory for the text: the deadline of the others ends them
    return true;
  }
}

void Family::end_wait(const TimedOut& error, std::string_view where, const std::function<std::string()>& status) {
  if (!fail_with(error.what()))
    for (int look = 0; look < 100; ++look) {  // its words take a moment to write
      check(where, status);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  throw error;
}

void Family::check(std::string_view where, const std::function<std::string()>& status) {
  if (listen) listen(status);
  if (!failure_->raised()) return;
  throw PeerFailed('[' + std::string(where) + "] " + self().name() + " stopped: " + failure_->text());
}

}  // namespace trireme::collectives
