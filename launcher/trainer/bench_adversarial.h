// Times steps of a DCGAN: an update of each of its networks.
#pragma once

#include "launcher/trainer/bench_step.h"

namespace trireme::launcher {

// As time_steps(), of "dcgan64".
StepTiming time_adversarial(const BenchStepOptions& options, Backend& backend, Group& world);

}  // namespace trireme::launcher
