#include "launcher/fleet/stop.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "launcher/fleet/mpirun_voice.h"
#include "launcher/fleet/place.h"
#include "runtime/base/threads.h"

namespace trireme::launcher {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> requested = false, leaving = false;

// A rank may hear one request several times: from a system that tells every process of a job, and from mpirun, which
// passes on what it was told itself.
constexpr std::chrono::seconds same_request{1};

void watch(const sigset_t& signals, bool supervised, bool rank) {
  Clock::time_point first;
  for (int signal = 0; sigwait(&signals, &signal) == 0;) {
    const bool told_before = requested.exchange(true);
    if (!told_before) first = Clock::now();
    if (told_before && Clock::now() - first < (rank ? same_request : one_signal)) continue;
    // What has started this rank sends SIGUSR1; it should know of others who do not.
    if (supervised && signal != SIGUSR1 && !told_before) {
      const std::string sign = std::string(sign_of_a_stop) + '\n';
      (void)!write(STDERR_FILENO, sign.data(), sign.size());
    }
    if (told_before ? signal != SIGUSR1 : leaving.load()) _exit(128 + signal);
  }
}

}  // namespace

sigset_t heeded(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

// A thread of its own takes the signals, and all others block them. No handler may run in a thread that computes:
// oneDNN's matrix products keep data addresses in the stack pointer, and the system writes a handler's frame below that
// pointer, over whatever lies there.
void watch_for_stop() {
  const sigset_t signals = heeded({SIGTERM, SIGINT, SIGHUP, SIGUSR1});
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  static std::once_flag once;
  std::call_once(once, [&] {
    start_thread([signals, supervised = is_supervised(), rank = launched_by().is_rank()] {
      watch(signals, supervised, rank);
    }).detach();
  });
}

bool stop_requested() noexcept {
  return requested;
}

void leave_if_told() {
  if (requested) throw Stopped();
}

void stop_watching() noexcept {
  leaving = true;
}

}  // namespace trireme::launcher
