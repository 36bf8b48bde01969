// A number in shared memory that only grows, and that other ranks, threads or processes, wait for.
#pragma once

#include <atomic>
#include <cstdint>

namespace trireme::collectives {

// Waiting is in three stages: a short spin (a peer on another core answers within a microsecond), a few yields (a peer
// may want this core), then sleep in the kernel, so that ranks may outnumber cores and compute threads keep theirs.
struct Signal {
  std::atomic<std::uint64_t> value{0};
  std::atomic<std::uint32_t> sleepers{0};
  std::atomic<std::uint32_t> bell{0};  // changes when sleepers must look again

  std::uint64_t read() const noexcept { return value.load(std::memory_order_acquire); }

  // By the owner alone. The order of store and load against sleep()'s is what makes a missed wake-up impossible.
  void raise(std::uint64_t to) noexcept {
    value.store(to, std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst) != 0) wake();
  }

  // True when the value has reached `target` within `spins` looks.
  bool spin(std::uint64_t target, int spins) const noexcept {
    for (int look = 0; look < spins; ++look) {
      if (read() >= target) return true;
      __builtin_ia32_pause();
    }
    return read() >= target;
  }

  // Sleeps until the value reaches `target`, for `milliseconds` at most; true when it has.
  bool sleep(std::uint64_t target, int milliseconds) noexcept;

 private:
  void wake() noexcept;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free,
              "shared memory needs atomics that are plain words");

}  // namespace trireme::collectives
