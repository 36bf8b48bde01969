// Being told to stop: SIGTERM, SIGINT (Ctrl-C), SIGHUP or SIGUSR1 asks a rank to save and leave after its step.
#pragma once

#include <chrono>
#include <csignal>
#include <initializer_list>

#include "runtime/base/error.h"

namespace trireme::launcher {

// Signals this close together are one: timeout(1) tells its child, and then the group that the child is in.
inline constexpr std::chrono::milliseconds one_signal{100};

// From now on these signals are noted; a second one, unless it is SIGUSR1, ends the process at once with 128 + its
// number. A signal that the process was started to ignore (nohup) stays ignored. To be called before other threads
// start.
void watch_for_stop();
// Has one of them come? For the training loop to ask between steps.
bool stop_requested() noexcept;

// What work throws that a stop interrupts.
class Stopped : public Error {
 public:
  Stopped() : Error("[stop] told to stop") {}
};
// Throws Stopped if a stop was requested. For work that takes more than a second to call now and then.
void leave_if_told();

// These signals end the process again; a repeated SIGUSR1 still counts as one.
void stop_watching() noexcept;

// The set of those of `signals` that this process does not ignore.
sigset_t heeded(std::initializer_list<int> signals);

}  // namespace trireme::launcher
