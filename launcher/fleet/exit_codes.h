// How the program ends. An error that would come again (a wrong job, bad data, a checkpoint that does not fit, a full
// disk) is 1, a wrong command line 2; a rank that was killed gives 128 + its signal.
#pragma once

namespace trireme::launcher {

// Was told to stop before the last step: --resume goes on, from what was saved at once or, with checkpoint.on_exit
// false and where mpirun was stopped and left no time for it, from the last checkpoint before (EX_TEMPFAIL).
inline constexpr int stopped_early = 75;
inline constexpr int timed_out = 69;  // something did not answer within its deadline (EX_UNAVAILABLE)

}  // namespace trireme::launcher
