// Being told to stop: SIGTERM, SIGINT (Ctrl-C) or SIGUSR1 asks a rank to save and leave after its step.
#pragma once

namespace trireme::launcher {

// From now on these signals set a flag; a second SIGTERM or SIGINT ends the process at once with 128 + its number.
void watch_for_stop();
// Has one of them come? For the training loop to ask between steps.
bool stop_requested() noexcept;
// These signals end the process again.
void stop_watching();

}  // namespace trireme::launcher
