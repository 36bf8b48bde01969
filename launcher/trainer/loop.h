// When things happen in a run: steps, validation, checkpoints, the end.
#pragma once

#include "launcher/report/report.h"
#include "launcher/trainer/step_trace.h"
#include "launcher/trainer/training_run.h"

namespace trireme::launcher {

// Trains from step `first` to the job's last. Returns the exit code: 0, or stopped_early when a rank was told to stop.
// Collective.
int run_loop(TrainingRun& run, Report& report, StepTrace& trace, std::int64_t first);

// After a stop: saves what is to be saved and is not yet, and says how to go on. Returns stopped_early. Collective.
int leave(TrainingRun& run, Report& report);

}  // namespace trireme::launcher
