// Where a run begins: its folder, its data, and the checkpoint that it goes on from.
#pragma once

#include <string>

#include "launcher/trainer/entry.h"
#include "launcher/trainer/run_lock.h"
#include "launcher/trainer/training_run.h"

namespace trireme::launcher {

// Makes the run's folder, opens the data, and loads the checkpoint that `options` ask for: run.steps() says how far the
// run is. A folder that holds another run, or is in use by one, is an error, and changes nothing; so is a checkpoint
// that does not fit, or none that is whole where there are some. Throws Stopped, on every rank, where one is told to
// stop meanwhile. The first rank holds `lock` from now on. Returns what there is to say, in lines: which checkpoints
// were passed over and why, what has changed since, what becomes of an earlier run's metrics. Collective.
std::string begin_run(TrainingRun& run, const TrainOptions& options, RunLock& lock);

}  // namespace trireme::launcher
