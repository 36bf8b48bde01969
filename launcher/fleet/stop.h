// Being told to stop: SIGTERM, SIGINT (Ctrl-C), SIGHUP or SIGUSR1 asks a rank to save and leave after its step.
#pragma once

#include <csignal>
#include <initializer_list>

namespace trireme::launcher {

// From now on these signals are noted; a second one, unless it is SIGUSR1, ends the process at once with 128 + its
// number. A signal that the process was started to ignore (nohup) stays ignored. To be called before other threads
// start.
void watch_for_stop();
// Has one of them come? For the training loop to ask between steps.
bool stop_requested() noexcept;
// These signals end the process again.
void stop_watching() noexcept;

// The set of those of `signals` that this process does not ignore.
sigset_t heeded(std::initializer_list<int> signals);

}  // namespace trireme::launcher
