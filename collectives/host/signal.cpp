#include "collectives/host/signal.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace trireme::collectives {

bool Signal::sleep(std::uint64_t target, int milliseconds) noexcept {
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  const std::uint32_t heard = bell.load(std::memory_order_seq_cst);
  if (value.load(std::memory_order_seq_cst) < target) {
    const std::timespec limit{.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1'000'000L};
    ::syscall(SYS_futex, &bell, FUTEX_WAIT, heard, &limit, nullptr, 0);
  }
  sleepers.fetch_sub(1, std::memory_order_seq_cst);
  return read() >= target;
}

void Signal::wake() noexcept {
  bell.fetch_add(1, std::memory_order_seq_cst);
  ::syscall(SYS_futex, &bell, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace trireme::collectives
