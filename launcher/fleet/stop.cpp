#include "launcher/fleet/stop.h"

#include <unistd.h>

#include <array>
#include <csignal>

namespace trireme::launcher {
namespace {

constexpr std::array<int, 3> watched = {SIGTERM, SIGINT, SIGUSR1};
volatile std::sig_atomic_t requested = 0;

void note(int signal) {
  if (requested && signal != SIGUSR1) _exit(128 + signal);
  requested = 1;
}

}  // namespace

void watch_for_stop() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : watched) sigaction(signal, &action, nullptr);
}

bool stop_requested() noexcept {
  return requested != 0;
}

void stop_watching() {
  for (const int signal : watched) std::signal(signal, SIG_DFL);
  requested = 0;
}

}  // namespace trireme::launcher
